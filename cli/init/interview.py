"""Finds out from the flags, and from whoever sits at the terminal, what is to be written."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from cli.failures import WrongInputError
from cli.init.asking import ask, ask_secret, ask_yes
from cli.init.draft import AccountDraft, Draft, Value
from cli.init.flags import Given, flags_of, given_value
from cli.init.values import as_text, in_file, in_variable, without_password
from cli.init.vendor_fields import VendorField, fields_of
from landfall.complaints import first_complaint
from landfall.database.opening import shown
from landfall.settings import Settings, SettingsError
from landfall.storage.store import open_store
from landfall.vendors.catalog import VENDORS, check_account_name

_TYPE = "type"
_OWN = {
    "database_url": "Postgres, as postgresql://user@host:5432/database (Return: SQLite in the home)",
    "redis_url": "Redis, as redis://host:6379/0 (Return: the one that Landfall brings along)",
    "storage_url": "Store of the files, as s3://bucket/prefix (Return: a folder in the home)",
}


class _NotWritten(Settings):
    """Settings of a file that there is not yet: neither another file nor the environment has a say."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given alone."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Interview:
    """What was given, and whether the rest may be asked for; `taken` are the accounts that there are already."""

    account: str | None
    vendor: str | None
    base_url: str | None
    settings: Mapping[str, str]
    given: Given
    may_ask: bool
    taken: Collection[str]
    new: bool

    def hold(self) -> Draft:
        """Find everything out. Raises WrongInputError for what is wrong or missing and may not be asked for."""
        try:
            return self._draft()
        except SettingsError as error:
            raise WrongInputError(str(error)) from None

    def _draft(self) -> Draft:
        settings = {name: check_setting(name, value) for name, value in self.settings.items()}
        talking = self.may_ask and not (self.account or self.vendor)
        accounts = [self.one_account()]
        while talking and ask_yes("Another account?", default=False):
            taken = {*self.taken, *(each.name for each in accounts)}
            accounts.append(replace(self, taken=taken, base_url=None, given={}).one_account())
        if talking and self.new and not settings:
            settings = _ask_settings()
        return Draft(accounts, settings)

    def one_account(self) -> AccountDraft:
        """Find out one of them. Raises as `hold` does."""
        vendor = self._found(
            self.vendor, _vendor, "--vendor", f"Vendor, one of {', '.join(VENDORS)}", next(iter(VENDORS))
        )
        suggested = vendor.replace("_", "-")
        name = self._found(
            self.account,
            lambda text: _free_name(text, self.taken),
            "--account",
            "A name for the account, for example of the shop",
            "" if suggested in self.taken else suggested,
        )
        values = {field.name: self._value(vendor, field) for field in fields_of(vendor)}
        return AccountDraft(name, vendor, self.base_url, values)

    def _found(self, given: str | None, read: Callable[[str], str], flag: str, question: str, default: str) -> str:
        if given is not None:
            return read(given)
        if not self.may_ask:
            raise WrongInputError(f"{flag} is missing; give it, or run `landfall init` on a terminal, where it asks.")
        return ask(question, read, default)

    def _value(self, vendor: str, field: VendorField) -> Value:
        found = given_value(field, self.given)
        if found is not None:
            return found
        if not self.may_ask:
            raise WrongInputError(f"{field.name} is missing; give {flags_of(field)}.")
        if field.may_be_text:
            return ask(f"{field.name}, or env:NAME, file:PATH", lambda text: _text_or_place(field, text))
        return ask_for_secret(vendor, field)


def ask_for_secret(vendor: str, field: VendorField) -> Value:
    """Ask where a secret is kept, or for the secret itself."""
    usual = f"{vendor}_{field.name}".upper()
    default = f"env:{usual}" if os.environ.get(usual) else _TYPE
    place = ask(
        f"{field.name}: `{_TYPE}` to type it unseen, or where it is kept (env:NAME, file:PATH)",
        lambda text: _place(field, text),
        default,
    )
    return place or SecretStr(ask_secret(field.name))


def check_setting(name: str, value: str) -> str:
    """Judge a setting that a new file is to have. Raises WrongInputError, SettingsError."""
    value = without_password(name, value)
    settings = as_given({name: value})
    match name:
        case "database_url":
            shown(settings.database_url)
        case "storage_url":
            open_store(settings.storage_url)
    return value


def as_given(chosen: Mapping[str, str]) -> Settings:
    """What the settings will be. Raises WrongInputError."""
    try:
        return _NotWritten.model_validate(chosen)
    except ValidationError as error:
        raise WrongInputError(f"{first_complaint(error)}.") from None


def _ask_settings() -> dict[str, str]:
    home = ask("Folder of all state", lambda text: check_setting("home", text), ".landfall")
    settings = {} if home == ".landfall" else {"home": home}
    if ask_yes("A database, Redis or store of your own in place of those that Landfall brings along?", default=False):
        found = {name: ask(question, partial(_url_or_nothing, name)) for name, question in _OWN.items()}
        settings |= {name: url for name, url in found.items() if url}
    return settings


def _url_or_nothing(name: str, text: str) -> str:
    return check_setting(name, text) if text else ""


def _vendor(text: str) -> str:
    if text not in VENDORS:
        raise WrongInputError(f"vendor: there is no such vendor; write one of {', '.join(VENDORS)}.")
    return text


def _free_name(text: str, taken: Collection[str]) -> str:
    check_account_name(text)
    if text in taken:
        raise WrongInputError(f"account: there is an account {text} already; choose another name.")
    return text


def _text_or_place(field: VendorField, text: str) -> Value:
    if text.startswith(("env:", "file:")):
        return _place(field, text) or text
    return as_text(field, text)


def _place(field: VendorField, text: str) -> Value | None:
    """Where a secret is kept; None where it is to be typed."""
    kind, _, rest = text.partition(":")
    if kind == "env":
        return in_variable(field.name, rest)
    if kind == "file":
        return in_file(field.name, rest)
    if text == _TYPE:
        return None
    raise WrongInputError(
        f"{field.name}: a secret is not typed here, where it is seen; answer `{_TYPE}` first, or env:NAME, or file:PATH."
    )
