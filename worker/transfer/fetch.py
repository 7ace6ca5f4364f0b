"""Downloads a file by its signed link, without vendor credentials and without holding it in memory."""

import asyncio

from landfall.net.carrier import Carrier
from landfall.tracing.calls import answered, calling
from landfall.vendors.account import Account
from landfall.vendors.vendor import Link
from worker.transfer.asking import Asker, parsed
from worker.transfer.course import Course, Sink, Whole
from worker.transfer.patience import BrokeOff, Patience


class Transfer:
    """Downloads of one account, at most `max_downloads` at once in this process."""

    def __init__(
        self,
        account: Account,
        carrier: Carrier,
        public_carrier: Carrier,
        *,
        patience: Patience | None = None,
    ) -> None:
        """Open no connection yet. `public_carrier` serves accounts that do not allow private hosts."""
        self._patience = patience or Patience()
        self._max_file_bytes = account.max_file_bytes
        self._turns = asyncio.Semaphore(account.max_downloads)
        allowed = account.private_hosts_allowed
        self._asker = Asker(account, carrier if allowed else public_carrier, self._patience)

    def turn(self) -> asyncio.Semaphore:
        """To be held while a link is asked for and used."""
        return self._turns

    async def fetch(self, link: Link, sink: Sink) -> Whole:
        """Bring the whole file into the sink, and on from the bytes that it holds already where the host allows it.

        Raises LinkExpired, ReportLost, TransferBroken or DownloadRefused; what the sink then holds may be continued.
        """
        course = Course(sink, self._patience, self._max_file_bytes)
        while True:
            try:
                whole = await self._brought(link, sink, course)
            except BrokeOff as broken:
                await course.pause_after(broken)
            else:
                if whole is not None:
                    return whole

    async def _brought(self, link: Link, sink: Sink, course: Course) -> Whole | None:
        """Ask once, and take what comes."""
        held = sink.held
        with calling("GET", parsed(link.url), "file", path=False) as span:
            try:
                async with self._asker.asked(link.url, course.wanted) as response:
                    answered(span, response.status_code)
                    return await course.take(response)
            finally:
                span.tell({"landfall.file.held_before": held, "landfall.file.held": sink.held})
