"""Looks up who is logged in to the pages, each session at most once a second."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial

from api.auth import Caller
from landfall.database import keys, sessions
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.keys import digest_of
from landfall.log import get_logger

# A session that was ended elsewhere opens doors for so long yet.
_FRESH_SECONDS = 1.0
_MOST_KNOWN = 1000
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is logged in, and what a form of theirs has to carry."""

    caller: Caller
    form_token: str = field(repr=False)


class Logins:
    """The sessions that were found good."""

    def __init__(self, database: Database) -> None:
        """Know none yet."""
        self._database = database
        self._known: dict[str, tuple[Visitor, float]] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def visitor(self, token: str) -> Visitor | None:
        """Who shows this; None where no session that is still good has it. Raises DatabaseUnavailable."""
        digest = digest_of(token)
        visitor, until = self._known.get(digest, (None, 0.0))
        if visitor and time.monotonic() < until:
            return visitor
        self._known.pop(digest, None)
        found = await self._database.glance(partial(sessions.find, digest=digest))
        if found is None or not found.is_good:
            return None
        self._note(digest, found)
        key = found.key.key
        visitor = Visitor(Caller(key.id, key.name, key.accounts, key.scope, key.expires_at), found.form_token)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = visitor, time.monotonic() + min(_FRESH_SECONDS, found.left.total_seconds())
        return visitor

    async def begin(self, caller: Caller) -> str:
        """Log somebody in; returns what their browser is to show. Raises DatabaseUnavailable."""
        token = await self._database.write(partial(sessions.begin, key_id=caller.key_id))
        _log.info("logged in", key=caller.key_id)
        return token

    async def end(self, token: str) -> None:
        """Log out. Raises DatabaseUnavailable."""
        digest = digest_of(token)
        await self._database.write(partial(sessions.end, digest=digest))
        # Behind the write: who asks meanwhile would have it known anew.
        self._known.pop(digest, None)

    async def aclose(self) -> None:
        """Finish what is being written."""
        if self._noting:
            await asyncio.wait(self._noting)

    def _note(self, digest: str, found: sessions.Session) -> None:
        if not (found.extension_is_due or found.key.use_is_due):
            return
        task = asyncio.create_task(self._write(digest, found))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write(self, digest: str, found: sessions.Session) -> None:
        try:
            if found.extension_is_due:
                await self._database.write(partial(sessions.extend, digest=digest))
            if found.key.use_is_due:
                await self._database.write(partial(keys.note_use, key_id=found.key.key.id))
        except DatabaseUnavailable as error:
            _log.warning("the use of a session was not noted", key=found.key.key.id, reason=str(error))
