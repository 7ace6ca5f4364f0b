"""Lets a test kill, stop or hold up a process at a named place; while none is armed, passing one costs a look at a dict.

`LANDFALL_FAILPOINTS="start.accepted=kill; download.chunk[exp_1]=stop@3*2"` reads: at the first pass of start.accepted the
process that passes is killed; from the third chunk of export exp_1 on, a process is stopped, twice in all. What stands in
brackets is the subject, the export or the account that is worked on. A failpoint strikes once across all processes that
share LANDFALL_FAILPOINTS_FOLDER, unless `*` says otherwise (`*all`: each time), and leaves a file there for each strike,
so that a restarted process does not die of it again and a test can count.
"""

import itertools
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

VARIABLE = "LANDFALL_FAILPOINTS"
FOLDER = "LANDFALL_FAILPOINTS_FOLDER"
PLACES: Mapping[str, str] = MappingProxyType(
    {
        "accept.committed": "API: an export is written, no worker is woken yet",
        "batch.committed": "API: the exports of a batch are written, no worker is woken yet",
        "admission.locked": "any process: the account's lock is held, its slots are not counted yet (subject: account)",
        "start.before_call": "worker: a start is claimed, the vendor is not called yet",
        "start.accepted": "worker: the vendor took a start, the row does not know it yet",
        "poll.before_call": "worker: the vendor is about to be asked for a report's state",
        "poll.answered": "worker: the vendor told a report's state, the row does not know it yet",
        "download.begun": "worker: a download has its turn, no link is asked for yet",
        "download.chunk": "worker: a piece of a file is about to be written, in a thread (subject: key)",
        "publish.linked": "worker: a file has its name, its manifest is not there yet (subject: key)",
        "download.published": "worker: file and manifest are published, the row does not know it yet",
        "step.settled": "worker: an outcome is written, what it made due is not sent yet",
        "sweep.rescued": "worker: steps of silent workers are taken, their messages are not sent yet",
        "webhook.answered": "worker: a receiver answered, the delivery's row does not know it yet (subject: webhook)",
        "lease.renewal": "worker: the event loop is about to renew its leases",
    }
)
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "segfault": signal.SIGSEGV}
_FORM = re.compile(
    r"(?P<place>[\w.]+)(\[(?P<subject>[^\]]+)\])?=(?P<action>[a-z]+)(:(?P<argument>[^@*]+))?"
    r"(@(?P<first>\d+))?(\*(?P<times>\d+|all))?"
)
_LOOK_SECONDS = 0.01


class FailpointRefused(Exception):
    """LANDFALL_FAILPOINTS cannot be followed; the text is one sentence that names the fault and the cure."""


@dataclass(frozen=True, slots=True)
class _Failpoint:
    """What happens at one place: from pass `first` on, `times` times in all (None: each time)."""

    place: str
    subject: str
    act: Callable[[Path], None]
    first: int
    times: int | None
    folder: Path
    passes: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def strike(self) -> None:
        """Act, unless its first pass is still to come or it has struck often enough."""
        if next(self.passes) >= self.first and self._recorded():
            self.act(self.folder)

    def _recorded(self) -> bool:
        for strike in itertools.count(1) if self.times is None else range(1, self.times + 1):
            try:
                with (self.folder / f"{self.place}.{strike}").open("x", encoding="utf-8") as file:
                    file.write(f"{os.getpid()}\n")
            except FileExistsError:
                continue
            return True
        return False


_armed: dict[str, list[_Failpoint]] = {}


def reach(place: str, subject: str = "") -> None:
    """Pass a place; what was armed for it, and for the subject if it names one, happens here."""
    if not _armed:
        return
    for failpoint in _armed.get(place, ()):
        if failpoint.subject in {"", subject}:
            failpoint.strike()


def arm(environment: Mapping[str, str]) -> list[str]:
    """Arm what LANDFALL_FAILPOINTS asks for; returns the names of the places. Raises FailpointRefused."""
    _armed.clear()
    for text in filter(None, (part.strip() for part in environment.get(VARIABLE, "").split(";"))):
        folder = Path(environment.get(FOLDER, ""))
        if not environment.get(FOLDER) or not folder.is_dir():
            raise FailpointRefused(f"{FOLDER} names no folder; set it to one in which {VARIABLE} can note its strikes.")
        failpoint = _read(text, folder)
        _armed.setdefault(failpoint.place, []).append(failpoint)
    return sorted(_armed)


def _read(text: str, folder: Path) -> _Failpoint:
    found = _FORM.fullmatch(text)
    if found is None:
        raise FailpointRefused(
            f"{VARIABLE}: {text!r} cannot be read; write it as place[subject]=action:argument@first*times."
        )
    place, times = found["place"], found["times"] or "1"
    if place not in PLACES:
        raise FailpointRefused(f"{VARIABLE}: there is no place {place!r}; known: {', '.join(PLACES)}.")
    act = _action(found["action"], found["argument"])
    limit = None if times == "all" else int(times)
    return _Failpoint(place, found["subject"] or "", act, int(found["first"] or 1), limit, folder)


def _action(name: str, argument: str | None) -> Callable[[Path], None]:
    if number := _SIGNALS.get(name):
        # To this very thread, lest it run on while another one takes the signal in.
        return lambda _folder: signal.pthread_kill(threading.get_ident(), number)
    try:
        match name:
            case "exit":
                code = int(argument or "1")
                return lambda _folder: os._exit(code)
            case "block":
                seconds = float(argument or "")
                return lambda _folder: time.sleep(seconds)
            case "wait" if argument:
                return lambda folder: _wait_for(folder / argument)
            case _:
                pass
    except ValueError:
        pass
    raise FailpointRefused(
        f"{VARIABLE}: there is no action {f'{name}:{argument}' if argument else name!r}; "
        f"known: {', '.join(_SIGNALS)}, exit:CODE, block:SECONDS, wait:FILE."
    )


def _wait_for(path: Path) -> None:
    """Hold the thread up until the file is there."""
    while not path.exists():
        time.sleep(_LOOK_SECONDS)
