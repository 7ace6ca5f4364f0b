"""Reads the news of all exports once for everybody who listens, and nothing while nobody does."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial

from api.schemas.events import LiveEventView
from landfall.database import following
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.following import Happening, Mark
from landfall.exports.states import State
from landfall.log import get_logger

_PAUSE_SECONDS = 0.25
# A number that was missed is mostly there in a moment.
_SHORT_PAUSE_SECONDS = 0.05
_AWAY_SECONDS = 1.0
_MOST = 1000
_KEPT = 5000
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """An event as listeners choose it and as they are told of it, put into words once for all of them."""

    number: int
    export_id: str
    account: str
    state: State
    piece: bytes

    @classmethod
    def of(cls, happened: Happening) -> "News":
        """The news of what has happened."""
        event = happened.event
        words = LiveEventView.happening(happened).model_dump_json()
        piece = f"id: {event.id}\ndata: {words}\n\n".encode()
        return cls(event.id, happened.export_id, happened.account, State(event.state), piece)


class Feed:
    """The last news, in the order of their numbers. A listener keeps nothing here but the number it has come to.

    `mark` is the highest number that has been told with all below it, None until it is known; `away` says that the
    database does not answer; `restarts` counts how often numbers began anew. `listeners` are counted by their keys.
    """

    def __init__(self, database: Database, *, kept: int = _KEPT, pause: float = _PAUSE_SECONDS) -> None:
        """Read nothing yet; `kept` news stay at hand, `pause` is the time in seconds between two looks."""
        self.mark: int | None = None
        self.away = False
        self.listeners: Counter[str] = Counter()
        self.restarts = 0
        self._database = database
        self._pause = pause
        self._recent: deque[News] = deque(maxlen=kept)
        self._since = 0
        self._change = asyncio.Event()
        self._closing = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self, key_id: str = "") -> Iterator[None]:
        """Have the news read for a block, by whoever holds the key."""
        self.listeners[key_id] += 1
        if self._reading is None:
            # Not in the context of the request that happens to be the first: its id would stand in others' log lines.
            self._reading = asyncio.create_task(self._read(), context=Context())
        try:
            yield
        finally:
            self.listeners -= Counter([key_id])

    @property
    def closed(self) -> bool:
        """Whether every stream is to end."""
        return self._closing.is_set()

    @property
    def change(self) -> asyncio.Event:
        """Is set at the next change; to be taken before a look at the rest."""
        return self._change

    def after(self, number: int) -> list[News] | None:
        """The news behind this number; None where they reach further back than those at hand."""
        if number < self._since:
            return None
        found: list[News] = []
        for news in reversed(self._recent):
            if news.number <= number:
                break
            found.append(news)
        return found[::-1]

    def close(self) -> None:
        """End every stream, now: a server that stops would wait for them."""
        self._closing.set()
        self._tell()

    async def aclose(self) -> None:
        """Wait until nothing is read any more."""
        self.close()
        if self._reading:
            await self._reading

    async def _read(self) -> None:
        try:
            while self._wanted():
                try:
                    await self._follow()
                except DatabaseUnavailable as error:
                    if not self.away:
                        _log.warning("the news are not read: the database is away", reason=str(error))
                    await self._stay_away()
                except Exception:  # noqa: BLE001 - it is logged with its traceback, and the listeners are not left alone
                    _log.exception("the news are not read, for a reason that nobody thought of")
                    await self._stay_away()
        finally:
            # In the same breath as the last look at the listeners: who comes now finds that nobody reads.
            self._reading, self.mark, self.away = None, None, False
            self._recent.clear()
            self._tell()

    async def _stay_away(self) -> None:
        self.away = True
        self._tell()
        await self._rest(_AWAY_SECONDS)

    async def _follow(self) -> None:
        """Read on for as long as somebody listens. Raises DatabaseUnavailable; what was read stays."""
        mark = Mark(self.mark) if self.mark is not None else await self._begin()
        while mark is not None and self._wanted():
            reading = partial(following.read, mark=mark, now=asyncio.get_running_loop().time(), limit=_MOST)
            found, after = await self._database.read(reading)
            if after.id < mark.id:
                _log.warning("the numbers of the events began anew", before=mark.id, now=after.id)
                self.restarts += 1
                self._recent.clear()
                self._since = after.id
            mark = after
            if found or self.away or self.mark != mark.id:
                self._recent_grows([News.of(each) for each in found])
                self.mark, self.away = mark.id, False
                self._tell()
            if len(found) < _MOST:
                await self._rest(_SHORT_PAUSE_SECONDS if mark.missed else self._pause)

    async def _begin(self) -> Mark | None:
        """Wait for whoever has drawn a number below the newest; None where nobody listens any more."""
        number, horizon = await self._database.read(following.begin)
        end = asyncio.get_running_loop().time() + following.PATIENCE_SECONDS
        while horizon and not await self._database.read(partial(following.has_passed, horizon=horizon)):
            if asyncio.get_running_loop().time() > end:
                break
            await self._rest(_SHORT_PAUSE_SECONDS)
            if not self._wanted():
                return None
        self._since = number
        return Mark(number)

    def _recent_grows(self, found: list[News]) -> None:
        for news in found:
            if len(self._recent) == self._recent.maxlen:
                self._since = self._recent[0].number
            self._recent.append(news)

    def _wanted(self) -> bool:
        return bool(self.listeners) and not self.closed

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _tell(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
