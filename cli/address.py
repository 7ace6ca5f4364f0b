"""Finds the address of the API: what was typed, the environment, the running `landfall up`, the settings.

It reads the few settings that it needs by itself: loading all of landfall.settings would cost every
`landfall list` more time than its work. A test holds it to what landfall.settings says.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from cli.failures import CommandError, UnreachableError

_ANY_PORT = ":0"
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound


def api_url(typed: str | None) -> str:
    """Choose the address. Raises CommandError where the settings file cannot be read, or leaves the port to `landfall up`."""
    named = typed or os.environ.get("LANDFALL_URL")
    if named:
        return named.rstrip("/")
    settings = _settings()
    home = _home(settings)
    found = running_url(home) or _settled_url(settings)
    if found.endswith(_ANY_PORT):
        raise UnreachableError(f"no Landfall runs on {home}: start it with `landfall up` or name another with --url.")
    return found


def home_here() -> Path:
    """The home of the settings. Raises CommandError where the settings file cannot be read."""
    return _home(_settings())


def urls_here() -> set[str]:
    """The addresses at which this home's own API listens. Raises CommandError as above."""
    settings = _settings()
    return {url for url in (running_url(_home(settings)), _settled_url(settings)) if url}


def accounts_here() -> list[str]:
    """The names of the accounts in the settings. Raises CommandError as above."""
    accounts = _settings().get("accounts")
    return sorted(accounts) if isinstance(accounts, dict) else []


def running_url(home: Path) -> str | None:
    """Read the address that the `landfall up` of this home left; None where none runs."""
    try:
        url = json.loads((home / "up.json").read_bytes())["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) else None


def _settings() -> dict[str, Any]:
    path = Path(os.environ.get("LANDFALL_CONFIG") or "landfall.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path} is not valid TOML: {error}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _home(settings: dict[str, Any]) -> Path:
    return Path(os.environ.get("LANDFALL_HOME") or str(settings.get("home", ".landfall"))).expanduser().absolute()


def _settled_url(settings: dict[str, Any]) -> str:
    host = os.environ.get("LANDFALL_API_HOST") or settings.get("api_host", "127.0.0.1")
    port = os.environ.get("LANDFALL_API_PORT") or settings.get("api_port", 8700)
    return f"http://{_ON_THIS_MACHINE.get(host, host)}:{port}"
