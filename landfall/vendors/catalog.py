"""Lists the vendors and reads the accounts at them, without any client."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from landfall.complaints import complaint_in_table
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


def check_account_name(name: str) -> None:
    """Raise SettingsError for what cannot be the name of an account."""
    if not _ACCOUNT_NAME.fullmatch(name):
        raise SettingsError(
            f"accounts.{name!a}: an account's name begins with a lower-case letter or a digit and goes on with those, "
            "with - or _, 63 characters at most; rename it."
        )


def _account(name: str, table: Mapping[str, Any]) -> Account:
    check_account_name(name)
    schemas = _schemas(name, table)
    _check_report_types(name, table.get("freshness"), schemas.request.report_types)
    schema = schemas.account
    try:
        return schema.model_validate(dict(table))
    except ValidationError as error:
        complaint = complaint_in_table(f"accounts.{name}", schema, error, with_keys={"freshness"})
        raise SettingsError(complaint) from None


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
