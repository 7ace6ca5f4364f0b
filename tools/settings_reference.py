"""Writes docs/reference/settings.md from the settings themselves: `python -m tools.settings_reference`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from landfall.settings import Settings
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS
from landfall.webhooks import Webhook
from tools.markdown import code, plain, table
from tools.schema_words import number, words

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"

_HEAD = """\
# Settings

<!-- Written by `python -m tools.settings_reference` from the settings' own definitions. -->

Settings come from the environment, or from `landfall.toml` in the current folder; the environment wins. `LANDFALL_CONFIG` names another file. An empty variable counts as unset. A wrong name or value is refused in
one sentence before anything starts, and `landfall doctor` checks all of them.

In the file a setting has its name in lower case and without the prefix, and stands above the first table:

```toml
home = "/var/lib/landfall"
api_hosts = ["landfall.example.com"]        # in the environment: LANDFALL_API_HOSTS=landfall.example.com, commas between several
poll_cap_seconds = 30

[accounts.shop-ab]
vendor = "intelligems"
access_token = { env = "INTELLIGEMS_ACCESS_TOKEN" }
```

**Secrets** never stand in the file: a setting of the type *secret* is `{ env = "NAME" }` or `{ file = "PATH" }`.

"""
_COLUMNS = ("setting", "type", "default", "what it is")
_TYPES = {"SecretRef": "secret"}
_TABLES = frozenset({"accounts", "webhooks"})
_MORE = {
    "database_url": "database.md",
    "storage_url": "files.md",
    "key_template": "files.md",
    "api_hosts": "api.md#who-may-ask-from-where",
    "api_cors_origins": "api.md#who-may-ask-from-where",
    "api_proxies": "api.md#behind-a-proxy",
    "api_rate_limit": "api.md#how-often",
    "history_days": "database.md#old-exports",
    "callback_secret": "webhooks.md#an-exports-own-callback",
}
_MORE_OF_ACCOUNTS = {
    "freshness": "metrics.md#freshness",
    "retention_days": "files.md",
    "at_rest": "files.md",
    "parquet": "files.md",
}


def settings_text() -> str:
    """The page, as the code has it."""
    of_all = Account.model_fields.keys() - {"vendor", "base_url"}
    parts = [_HEAD, "## At the top\n\n", table(("variable", *_COLUMNS[1:]), _top())]
    parts += [
        "\n## Accounts\n\nEach `[accounts.NAME]` table is an account at a vendor. Its name is of lower-case letters, digits, `-` and `_`, and becomes part of file names.\n",
    ]
    for name, vendor in VENDORS.items():
        own = [field for field in vendor.account.model_fields if field not in of_all or _differs(vendor.account, field)]
        parts += [f"\n### {name}\n\n", table(_COLUMNS, _rows(vendor.account, own, {}))]
    parts += ["\n### Every vendor\n\n", table(_COLUMNS, _rows(Account, sorted_as_defined(of_all), _MORE_OF_ACCOUNTS))]
    parts += [
        "\n## Webhooks\n\nEach `[webhooks.NAME]` table is somebody who is told of ends: see [webhooks](webhooks.md).\n\n",
        table(_COLUMNS, _rows(Webhook, list(Webhook.model_fields), {})),
    ]
    return "".join(parts)


def sorted_as_defined(names: set[str]) -> list[str]:
    """The names of account settings in the order of their definition."""
    return [name for name in Account.model_fields if name in names]


def _top() -> Iterator[list[str]]:
    names = [name for name in Settings.model_fields if name not in _TABLES]
    config = ["`LANDFALL_CONFIG`", "path", "`landfall.toml`", "The settings file."]
    for name, row in zip(names, _rows(Settings, names, _MORE), strict=True):
        yield [code(_variable(name)), *row[1:]]
        if name == "home":
            yield config


def _variable(name: str) -> str:
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def _differs(account: type[BaseModel], field: str) -> bool:
    return bool(account.model_fields[field].default != Account.model_fields[field].default)


def _rows(model: type[BaseModel], names: list[str], more: Mapping[str, str]) -> Iterator[list[str]]:
    schema = model.model_json_schema()
    for name in names:
        found = _without_null(schema["properties"][name])
        link = f" See [{Path(more[name]).stem}]({more[name]})." if name in more else ""
        kind = words(found, lambda each: _TYPES.get(each, each))
        needed = name in schema.get("required", ())
        about = _about(model, name)
        yield [code(name), kind, "**needed**" if needed else _default(schema["properties"][name]), plain(about) + link]


def _about(model: type[BaseModel], name: str) -> str:
    about = model.model_fields[name].description
    if not about:
        raise SystemExit(f"{model.__name__}.{name} has no description; write what it is at its field.")
    return about


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else schema


def _default(schema: Mapping[str, Any]) -> str:
    match schema.get("default"):
        case None | "" | [] | {}:
            return ""
        case bool(value):
            return code(json.dumps(value))
        case int(value) | float(value):
            return number(value)
        case list():
            return "all"
        case value:
            return code(str(value))


if __name__ == "__main__":
    PAGE.write_text(settings_text(), encoding="utf-8")
