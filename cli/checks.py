"""Checks everything that `landfall up` needs before anything starts."""

import errno
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

from landfall.exports.errors import StorageFull, StorageUnavailable
from landfall.net.listening import listening_refused
from landfall.settings import Settings, SettingsError, config_path, load_settings
from landfall.storage.keys import check_template
from landfall.storage.parquet_writer import check_installed
from landfall.storage.store import open_store
from landfall.vendors.account import Account
from landfall.vendors.catalog import parse_accounts
from landfall.webhooks import parse_webhooks

_STEP_SECONDS = 0.1
_REDIS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings that were found good, and the accounts in them."""

    settings: Settings
    accounts: Mapping[str, Account]


def check_settings() -> Checked:
    """Read settings, accounts and secrets, make the home, write to the store and ask the Redis of the settings.

    Raises SettingsError, naming the setting and the cure, where one is missing or wrong. The database is left to the
    migration, which comes before everything else.
    """
    settings = load_settings()
    accounts = parse_accounts(settings.accounts)
    if not accounts:
        raise SettingsError(
            f"{config_path()} names no account; write an [accounts.NAME] table, or add one with `landfall init`."
        )
    for name, account in accounts.items():
        account.secrets(name)
        if account.parquet:
            check_installed(f"accounts.{name}.parquet")
    parse_webhooks(settings).check_secrets()
    _make_home(settings)
    check_template(settings.key_template)
    _write_to_store(settings.storage_url)
    if settings.redis_url:
        _ask_redis(settings.redis_url)
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
        except (OSError, UnicodeError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if not taken or time.monotonic() > end:
                raise listening_refused(settings.api_host, settings.api_port, error) from None
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


def _write_to_store(url: str) -> None:
    try:
        open_store(url).check()
    except (StorageUnavailable, StorageFull) as error:
        raise SettingsError(f"storage_url: {str(error).rstrip('.')}.") from None


def _ask_redis(url: str) -> None:
    from redis import Redis, RedisError  # noqa: PLC0415 - a third of the checks' time, for those who bring a Redis alone

    redis = Redis.from_url(url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS)
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SettingsError(
            f"redis_url: no Redis answers there ({reason}); start it, correct LANDFALL_REDIS_URL, "
            "or leave it out for the embedded one."
        ) from None
    finally:
        redis.close()


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        found: int = listening.getsockname()[1]
        return found
