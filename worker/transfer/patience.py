"""Says how long a download may stall and how often it is taken up again."""

import asyncio
from dataclasses import dataclass

from landfall.exports.errors import TransferBroken

_PROGRESS_BYTES = 1 << 20
_BEGINNINGS = 3


class BrokeOff(TransferBroken):
    """The body or its answer broke off; the rest may be asked for within the same fetch."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of one download, times in seconds; there is none on the whole of it.

    `pauses` come before the resumptions that follow one without progress; there are as many of these as pauses.
    """

    connect: float = 10.0
    silence: float = 60.0
    window: float = 60.0
    least_bytes: int = 64 << 10
    pauses: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0)


class Pace:
    """Watches that a body keeps coming; counts only the time in which the host was waited for."""

    def __init__(self, patience: Patience) -> None:
        """Begin the first window."""
        self._patience = patience
        self._waited = 0.0
        self._came = 0

    def note(self, size: int, waited: float) -> None:
        """Count a piece of `size` bytes that was waited for. Raises BrokeOff where a window brought too little."""
        self._waited += waited
        self._came += size
        if self._waited < self._patience.window:
            return
        if self._came < self._patience.least_bytes:
            raise BrokeOff(f"the download host sent only {self._came} bytes in {self._waited:.0f} seconds")
        self._waited, self._came = 0.0, 0


class Resumptions:
    """Counts how often a download was begun and taken up again."""

    def __init__(self, patience: Patience, held: int) -> None:
        """Count from `held` bytes."""
        self._pauses = patience.pauses
        self._held = held
        self._moved = False
        self._begun = 0
        self._stuck = 0
        self._last: BrokeOff | None = None

    def begin(self) -> None:
        """Note that a body starts at byte 0. Raises TransferBroken where that came too often."""
        self._begun += 1
        if self._begun > _BEGINNINGS:
            reason = self._last or "the file changed on the download host"
            raise TransferBroken(f"{reason}; it was begun anew {_BEGINNINGS - 1} times, for it could not be resumed")
        self._held = 0

    def moved(self) -> None:
        """Note that bytes came."""
        self._moved = True

    async def pause_after(self, broken: BrokeOff, held: int) -> None:
        """Wait before the next request. Raises `broken` where there is no use in one: nothing came, too often."""
        if not self._moved:
            raise broken
        self._last = broken
        if held >= self._held + _PROGRESS_BYTES:
            self._held, self._stuck = held, 0
            return
        if self._stuck >= len(self._pauses):
            raise broken
        await asyncio.sleep(self._pauses[self._stuck])
        self._stuck += 1
