"""Looks up the keys that are shown to the API, each at most once a second, and notes that they are in use."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from api.auth import Caller
from api.fresh import Fresh
from landfall.database import keys
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.keys import Found, digest_of, prefix_of
from landfall.log import get_logger

# A key that was revoked opens doors for so long yet.
_FRESH_SECONDS = 1.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float


class Keyring:
    """The keys that were found good."""

    def __init__(self, database: Database) -> None:
        """Know none yet."""
        self._database = database
        self._known: dict[str, _Known] = {}
        self._prefixes = Fresh(lambda: database.read(keys.prefixes))
        self._noting: set[asyncio.Task[None]] = set()

    def knows(self, text: str) -> bool:
        """Whether the key was good when it was last looked up."""
        return digest_of(text) in self._known

    def last_caller(self, text: str) -> Caller | None:
        """Who held the key when it was last looked up; None where nobody did, or where it has expired since."""
        known = self._known.get(digest_of(text))
        expires_at = known.caller.expires_at if known else None
        return known.caller if known and not (expires_at and expires_at <= datetime.now(UTC)) else None

    async def may_know(self, text: str) -> bool:
        """Whether a key begins with the same letters; asks the database at most once a second, whatever is shown.

        Raises DatabaseUnavailable.
        """
        prefix = prefix_of(text)
        return prefix is not None and prefix in await self._prefixes.get()

    async def caller(self, text: str) -> Caller | Found | None:
        """Who holds the key; what was found where it is good no more, None where there is no such key.

        Raises DatabaseUnavailable.
        """
        digest, prefix = digest_of(text), prefix_of(text)
        known = self._known.get(digest)
        if known and time.monotonic() < known.until:
            return known.caller
        if prefix is None:
            return None
        found = await self._database.glance(lambda connection: keys.find(connection, prefix, digest))
        if found is None or not found.is_good:
            self._known.pop(digest, None)
            return found
        return self._remember(digest, found)

    async def aclose(self) -> None:
        """Finish what is being written."""
        if self._noting:
            await asyncio.wait(self._noting)

    def _remember(self, digest: str, found: Found) -> Caller:
        key = found.key
        caller = Caller(key.id, key.name, key.accounts, key.scope, key.expires_at)
        seconds = _FRESH_SECONDS if found.left is None else min(_FRESH_SECONDS, found.left.total_seconds())
        self._known[digest] = _Known(caller, time.monotonic() + seconds)
        if found.use_is_due:
            task = asyncio.create_task(self._note_use(key.id))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)
        return caller

    async def _note_use(self, key_id: str) -> None:
        try:
            await self._database.write(lambda connection: keys.note_use(connection, key_id))
        except DatabaseUnavailable as error:
            _log.warning("the use of a key was not noted", key=key_id, reason=str(error))
