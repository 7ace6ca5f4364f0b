"""Checks everything that `landfall up` needs before anything starts."""

import errno
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

from landfall.settings import Settings, SettingsError, config_path, load_settings
from landfall.vendors.account import Account
from landfall.vendors.catalog import parse_accounts

_STEP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings that were found good, and the accounts in them."""

    settings: Settings
    accounts: Mapping[str, Account]


def check_settings() -> Checked:
    """Read settings, accounts and secrets, and make the home. Raises SettingsError where one is missing or wrong."""
    settings = load_settings()
    accounts = parse_accounts(settings.accounts)
    if not accounts:
        raise SettingsError(f"{config_path()} names no account; write an [accounts.NAME] table (see README.md).")
    for name, account in accounts.items():
        account.secrets(name)
    _make_home(settings)
    return Checked(settings, accounts)


def free_port(settings: Settings, *, patience: float) -> int:
    """Find that the API's port can be had, and which it is (a set port of 0 means any).

    A port that is taken is tried again for `patience` seconds, for one that its last user is just leaving.
    Raises SettingsError after that.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return _bind(settings.api_host, settings.api_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
                raise SettingsError(
                    f"api_port: {settings.api_host}:{settings.api_port} cannot be listened on ({reason}); "
                    "stop what uses it or set LANDFALL_API_PORT."
                ) from None
        time.sleep(_STEP_SECONDS)


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(
            f"home: {settings.home} cannot be written to ({reason}); "
            "make it a writable folder or name another in LANDFALL_HOME."
        ) from None


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        found: int = listening.getsockname()[1]
        return found
