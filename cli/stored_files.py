"""Opens the database and the store of the settings for commands that work without the API."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from sqlalchemy import Connection

from cli.failures import CommandError, WrongInputError
from cli.settings_database import SettingsDatabase, settings_database
from cli.wrong_words import nearest
from landfall.database import artifacts
from landfall.exports.errors import StorageUnavailable
from landfall.settings import SettingsError, load_settings
from landfall.storage.store import Store, open_store
from landfall.vendors.account import Account
from landfall.vendors.catalog import parse_accounts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The store, what the database tells of it, and the accounts of the settings."""

    store: Store
    accounts: Mapping[str, Account]
    _database: SettingsDatabase

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent view. Raises DatabaseUnavailable."""
        return self._database.read(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction. Raises DatabaseUnavailable."""
        return self._database.write(work)


@contextmanager
def stored_files() -> Iterator[StoredFiles]:
    """Open both until the block ends; what goes wrong with them in it becomes a CommandError."""
    try:
        settings = load_settings(need_config=False)
        accounts, store = parse_accounts(settings.accounts), open_store(settings.storage_url)
        with settings_database(settings) as database:
            yield StoredFiles(store, accounts, database)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except StorageUnavailable as error:
        raise CommandError(
            f"the store cannot be used: {str(error).rstrip('.')}. "
            "Mend that or correct LANDFALL_STORAGE_URL, then try again."
        ) from None


def check_account(home: StoredFiles, name: str | None) -> None:
    """Raise WrongInputError for the name of an account that there never was."""
    known = home.read(artifacts.known_accounts)
    if name is not None and name not in known:
        told = ", ".join(known) or "none"
        raise WrongInputError(f"--account: there is no account {name!r}{nearest(name, known)}; known: {told}.")


def is_within(store_url: str, uri: str) -> bool:
    """Whether the file lies in the store of this URL: after a move to another store older ones do not."""
    return unquote(uri).startswith(unquote(store_url).rstrip("/") + "/")
