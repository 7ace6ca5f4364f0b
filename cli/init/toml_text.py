"""Puts settings into the words of landfall.toml, with a comment on each."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from landfall.settings import SecretRef, Settings
from landfall.vendors.catalog import VENDORS

_HEAD = """\
# Landfall's settings. What follows a # is a comment: the lines that are commented out show the defaults, or an example.
# A variable of the environment wins over this file: LANDFALL_HOME over home, and so on.
# `landfall doctor` checks all of it. No secret belongs here.
"""
_PASSWORD = "A password belongs into the environment: {}."  # noqa: S105 - words about one
_EXAMPLES = {
    "database_url": "postgresql://landfall@db.example.com:5432/landfall",
    "redis_url": "redis://redis.example.com:6379/0",
    "storage_url": "s3://bucket/prefix",
}
_REMARKS = {
    "database_url": _PASSWORD.format("LANDFALL_DATABASE_URL"),
    "redis_url": _PASSWORD.format("LANDFALL_REDIS_URL"),
    "storage_url": "Credentials of S3 come from the environment: AWS_ACCESS_KEY_ID and so on.",
}
_SETTINGS = ("home", "database_url", "redis_url", "storage_url", "api_host", "api_port")
_OF_ACCOUNT = ("base_url", "max_started", "download_hosts")


def new_file(settings: Mapping[str, str]) -> str:
    """A settings file without accounts."""
    return "\n".join([_HEAD, *(_setting(name, settings.get(name)) for name in _SETTINGS)])


def account_table(name: str, table: Mapping[str, str | SecretRef]) -> str:
    """An account as a table of its own."""
    vendor = str(table["vendor"])
    given = [f"{setting} = {_value(value)}\n" for setting, value in table.items() if setting not in _OF_ACCOUNT]
    return "".join([f"[accounts.{name}]\n", *given, *_of_account(vendor, table)])


def _setting(name: str, value: str | None) -> str:
    field = Settings.model_fields[name]
    remarks = "".join(f"# {text}\n" for text in (field.description, _REMARKS.get(name)) if text)
    return remarks + _line(name, value, _EXAMPLES.get(name) or field.default)


def _of_account(vendor: str, table: Mapping[str, str | SecretRef]) -> Iterator[str]:
    fields = VENDORS[vendor].account.model_fields
    remarks = {name: fields[name].description for name in _OF_ACCOUNT} | {
        "base_url": "The vendor's address; that of the sandbox or a test server goes here."
    }
    defaults = {name: fields[name].default for name in _OF_ACCOUNT} | {"download_hosts": ["*.amazonaws.com"]}
    for name in _OF_ACCOUNT:
        yield f"# {remarks[name]}\n{_line(name, table.get(name), defaults[name])}"


def _line(name: str, value: object, default: object) -> str:
    return f"# {name} = {_value(default)}\n" if value is None else f"{name} = {_value(value)}\n"


def _value(value: object) -> str:
    """A value in TOML, whose strings, numbers and lists of such are JSON's."""
    if isinstance(value, SecretRef):
        key, place = ("env", value.env) if value.env else ("file", str(value.file))
        return f"{{ {key} = {_value(place)} }}"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
