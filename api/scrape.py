"""Gathers what a scrape of /metrics is answered with."""

from collections.abc import Callable
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


class Scrape:
    """The metrics of this API, of the parts it needs, of the database and of every worker heard of in the last hour."""

    def __init__(self, database: Database, requests: RequestMetrics, readying: Readying) -> None:
        """Ask the database at most once a second, however many scrape."""
        self._database = database
        self._readying = readying
        self._requests = requests
        self._gathered = Fresh(self._gather)

    async def text(self, sees: Callable[[str], bool] | None) -> str:
        """All of it, or what belongs to the accounts that `sees` is true of."""
        return (await self._gathered.get()).text(sees)

    async def _gather(self) -> Exposition:
        gathered = Exposition()
        try:
            began = perf_counter()
            await self._database.glance(read_clock)
            round_trip = perf_counter() - began
            found = await self._database.read(gauges.count)
        except DatabaseUnavailable as error:
            _log.warning("a scrape goes without the database", reason=str(error))
            gathered.add(exposed_scrape(__version__, None))
        else:
            gathered.add(exposed_scrape(__version__, round_trip))
            gathered.add(exposed(found))
            for worker in found.workers:
                gathered.add(worker.metrics, worker=worker.id)
        gathered.add(exposed_parts(await self._readying.get(), self._readying.room))
        gathered.add(self._requests.text())
        return gathered
