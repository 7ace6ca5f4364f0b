"""Lists the vendors and reads the accounts at them, without any client."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from landfall.exports.throttle import AccountLimits
from landfall.settings import SettingsError
from landfall.vendors import buy_with_prime, intelligems
from landfall.vendors.account import Account
from landfall.vendors.schemas import VendorSchemas

VENDORS: Mapping[str, VendorSchemas] = MappingProxyType(
    {
        "intelligems": intelligems.SCHEMAS,
        "buy_with_prime": buy_with_prime.SCHEMAS,
    }
)

# It becomes part of file names.
_ACCOUNT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def parse_accounts(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, Account]:
    """Read the `[accounts.NAME]` tables. Raises SettingsError, which names `accounts.NAME.field` and the cure."""
    return {name: _account(name, table) for name, table in raw.items()}


def limits_of(accounts: Mapping[str, Account]) -> dict[str, AccountLimits]:
    """What the database has to know of the accounts, by name."""
    return {
        name: AccountLimits(
            vendor=account.vendor,
            max_started=account.max_started,
            rate_burst=account.rate_burst,
            rate_refill=account.rate_refill,
            tenant_weights=account.tenant_weights,
            freshness={kind: length.total_seconds() for kind, length in account.freshness.items()},
        )
        for name, account in accounts.items()
    }


def _account(name: str, table: Mapping[str, Any]) -> Account:
    if not _ACCOUNT_NAME.fullmatch(name):
        raise SettingsError(
            f"accounts.{name!a}: an account's name begins with a lower-case letter or a digit and goes on with those, "
            "with - or _, 63 characters at most; rename it."
        )
    schemas = _schemas(name, table)
    _check_report_types(name, table.get("freshness"), schemas.request.report_types)
    schema = schemas.account
    try:
        return schema.model_validate(dict(table))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise SettingsError(_complaint(name, schema, found)) from None


def _schemas(name: str, table: Mapping[str, Any]) -> VendorSchemas:
    vendor = table.get("vendor")
    known = " or ".join(f'"{one}"' for one in VENDORS)
    if vendor is None:
        raise SettingsError(f"accounts.{name}.vendor is missing; set it to {known}.")
    schemas = VENDORS.get(vendor) if isinstance(vendor, str) else None
    if schemas is None:
        raise SettingsError(f"accounts.{name}.vendor: there is no such vendor; set it to {known}.")
    return schemas


def _check_report_types(name: str, freshness: object, known: Sequence[str]) -> None:
    kinds = freshness if isinstance(freshness, Mapping) else ()
    for wrong in (kind for kind in kinds if kind not in known):
        written = ascii(wrong)[1:-1]
        raise SettingsError(
            f"accounts.{name}.freshness.{written}: there is no such report type; known are {', '.join(known)}."
        )


def _complaint(name: str, schema: type[Account], found: ErrorDetails) -> str:
    """Name the setting as it stands in the file: the location below it may hold the tags of a choice."""
    setting, *below = map(str, found["loc"])
    where = ".".join(["accounts", name, setting, *(below if setting == "freshness" else ())])
    match found["type"]:
        case "missing":
            return f"{where} is missing; add it."
        case "extra_forbidden" if setting not in schema.model_fields:
            return f"{where}: there is no such setting; known are {', '.join(schema.model_fields)}."
        case "extra_forbidden" | "model_type" | "model_attributes_type":
            return f'{where}: write it as {{ env = "NAME" }} or {{ file = "PATH" }}.'
        case _:
            return f"{where}: {found['msg'].removeprefix('Value error, ').rstrip('.')}."
