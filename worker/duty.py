"""Holds the duty of the one worker that looks after what no message asks for."""

import os
import secrets
import socket
from datetime import timedelta
from functools import partial

from landfall.database import duties
from landfall.database.connection import Database
from landfall.log import get_logger

_SHORTEST_SECONDS = 1.0
_LONGEST_HOST = 100
_log = get_logger(__name__)


class Duty:
    """One worker of all has it, renews it while it works, and loses it two rounds after it was last heard of."""

    def __init__(self, database: Database, round_seconds: float) -> None:
        """Hold nothing yet."""
        self._database = database
        self._length = timedelta(seconds=max(_SHORTEST_SECONDS, 2 * round_seconds))
        self._me = f"{socket.gethostname()[:_LONGEST_HOST]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._ours = False

    @property
    def holder(self) -> str:
        """The name of this worker among all that there ever were: host:process:token."""
        return self._me

    @property
    def held(self) -> bool:
        """Whether it was this worker's when it last asked: for work that two may do at once without harm."""
        return self._ours

    async def is_ours(self) -> bool:
        """Whether this worker has the duty now; one that nobody has is taken. Raises DatabaseUnavailable.

        All but its holder only read.
        """
        hold = await self._database.glance(partial(duties.look, name=duties.SWEEP))
        ours = hold is not None and hold.holder == self._me
        if hold is None or hold.left <= (self._length / 2 if ours else timedelta()):
            claiming = partial(duties.claim, name=duties.SWEEP, holder=self._me, length=self._length)
            ours = await self._database.write(claiming)
        if ours != self._ours:
            _log.info("this worker sweeps" if ours else "another worker sweeps", holder=self._me)
        self._ours = ours
        return ours

    async def let_go(self) -> None:
        """Leave the duty to the next who asks. Raises DatabaseUnavailable."""
        self._ours = False
        await self._database.write(partial(duties.let_go, name=duties.SWEEP, holder=self._me))
