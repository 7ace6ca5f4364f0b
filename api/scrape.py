"""Gathers what a scrape of /metrics is answered with."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

from api.exposition import Exposition
from api.fresh import Fresh
from api.gauges import exposed, exposed_scrape
from api.metering import RequestMetrics
from api.part_gauges import exposed_parts
from api.readiness import Readying
from landfall import __version__
from landfall.database import gauges
from landfall.database.clock import read_clock
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.log import get_logger

_log = get_logger(__name__)
# Prometheus waits for ten seconds, in which the key is asked after, too, and connections are given up.
_PATIENCE_SECONDS = 3.0


class Scrape:
    """The metrics of this API, of the parts it needs, of the database and of every worker heard of in the last hour."""

    def __init__(
        self, database: Database, requests: RequestMetrics, readying: Readying, accounts: Collection[str]
    ) -> None:
        """Ask the database at most once a second, however many scrape; `accounts` are those of the settings."""
        self._database = database
        self._accounts = accounts
        self._readying = readying
        self._requests = requests
        self._gathered = Fresh(self._gather)

    async def text(self, sees: Callable[[str], bool] | None) -> str:
        """All of it, or what belongs to the accounts that `sees` is true of."""
        return (await self._gathered.get()).text(sees)

    async def _gather(self) -> Exposition:
        gathered = Exposition()
        of_database, parts = await asyncio.gather(self._of_database(), self._readying.get())
        for text, labels in of_database:
            gathered.add(text, **labels)
        gathered.add(exposed_parts(parts, self._readying.room))
        gathered.add(self._requests.text())
        return gathered

    async def _of_database(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                began = perf_counter()
                await self._database.glance(read_clock)
                round_trip = perf_counter() - began
                found = await self._database.read(gauges.count)
        except (DatabaseUnavailable, TimeoutError) as error:
            reason = str(error) or f"no answer within {_PATIENCE_SECONDS:g} s"
            _log.warning("a scrape goes without the database", reason=reason)
            return [(exposed_scrape(__version__, None), {})]
        # An account that has left the settings while its breaker was open would be told of for ever.
        stand = [each for each in found.accounts if each.name in self._accounts or each.live or each.slots_used]
        found = replace(found, accounts=stand)
        of_workers = [(worker.metrics, {"worker": worker.id}) for worker in found.workers]
        return [(exposed_scrape(__version__, round_trip), {}), (exposed(found), {}), *of_workers]
