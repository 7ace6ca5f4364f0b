"""Checks a Landfall elsewhere by what its API tells, where no settings are at hand."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cli.client import Api
from cli.credentials import find_key
from cli.doctor.finding import Finding, error, ok, warning
from cli.failures import CommandError, UnreachableError
from cli.words import moment
from landfall.settings import config_path

_PATIENCE_SECONDS = 3.0
_THERE = "run `landfall doctor` on the machine of the API, where it sees more"


def url_elsewhere() -> str | None:
    """The address in LANDFALL_URL where there is no settings file and none was named, else None."""
    url = os.environ.get("LANDFALL_URL")
    return url if url and not os.environ.get("LANDFALL_CONFIG") and not config_path().exists() else None


def look_elsewhere(url: str) -> Iterator[Finding]:
    """Whether the API answers and takes the key, what it says of its parts, and how the accounts stand."""
    yield ok("settings", f"there is no {config_path()} here: only the API that LANDFALL_URL names is looked at")
    try:
        api = Api(url, key=find_key(url), timeout=_PATIENCE_SECONDS)
        api.get("/healthz")
    except UnreachableError:
        yield error("api", f"none answers at {url}", "look at its log, or correct LANDFALL_URL")
        return
    except CommandError as problem:
        yield error("api", str(problem).rstrip(".").partition("; ")[0], "correct LANDFALL_URL")
        return
    try:
        parts = api.get("/readyz").body["checks"]
    except CommandError:
        yield error("api", f"{url} answers, but accepts no export: its database or schema cannot be used", _THERE)
        return
    for name, part in parts.items():
        yield ok(name, part["detail"]) if part["ok"] else error(name, part["detail"].rstrip("."), _THERE)
    yield from _accounts(api)


def _accounts(api: Api) -> Iterator[Finding]:
    try:
        accounts = api.get("/v1/accounts").body["items"]
    except CommandError as problem:
        cure = "set LANDFALL_API_KEY to a key of this API; `landfall keys create` makes one"
        yield error("api", f"{api.url} answers and refuses the key: {str(problem).partition(':')[0].rstrip('.')}", cure)
        return
    yield ok("api", f"{api.url} answers and takes the key")
    for account in accounts:
        yield _account(account)


def _account(account: Mapping[str, Any]) -> Finding:
    check = f"account {account['name']}"
    if breaker := account["breaker"]:
        fault = breaker["error"]
        words = f"its breaker is open: {fault['code']}: {fault['message'].rstrip('.')}"
        return error(check, words, fault["action"].rstrip("."))
    if account.get("paused_at"):
        by = f" by {account['paused_by']}" if account.get("paused_by") else ""
        return warning(check, f"paused{by} since {moment(account['paused_at'])}", f"landfall resume {account['name']}")
    return ok(check, f"{account['slots_used']} of {account['limit']} slots used, {account['queued']} queued")
