"""Listens to the API's server-sent events, and goes on behind the last one where the connection breaks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from landfall_client.asking import Tries, failure_of
from landfall_client.effects import Flow, Give, Head, Open, Pause, Read, Request
from landfall_client.errors import LandfallError, NoAnswer, NotLandfall, Unreachable
from landfall_client.place import Place

_PAUSE_SECONDS = 0.5
_BUSY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event as it came: its name, `message` where it has none, and its data."""

    name: str
    data: str


Shape = Callable[[ServerEvent], Iterable[Any] | None]


def listen(place: Place, path: str, shape: Shape = lambda event: (event,)) -> Flow[None]:
    """Give what comes under the path, and events of our own: `begin` once it is known from where on, and `broke`.

    `shape` makes of each event what is given for it; None ends the listening. An API that is away is waited for, if it was there at first. Raises Unreachable after that, and what `ask` raises
    where the API refuses.
    """
    hearing = _Hearing()
    patience = place.waiting().patience
    tries: Tries | None = None
    while True:
        try:
            yield from _open(place, path, hearing.last)
            tries = None
            if (yield from hearing.to_the_end(shape)):
                return
        except Unreachable:
            if not hearing.reached:
                raise
        if tries is None:
            tries = Tries(patience)
            yield Give(shape(ServerEvent("broke", "")) or ())
        pause = tries.pause(_PAUSE_SECONDS)
        if pause is None:
            raise Unreachable(f"no Landfall has answered at {place.url} for {patience:g} s; try again later.")
        yield Pause(pause)


class _Hearing:
    """What was heard: `last` is the number of the last event that came, where it is known."""

    def __init__(self) -> None:
        self.last = ""
        self.reached = False
        self._begun = False

    def to_the_end(self, shape: Shape) -> Flow[bool]:
        """Give what comes over the connection that was opened, until it ends or breaks; return whether all was heard."""
        self.reached = True
        rest, parser = b"", _Parser()
        while True:
            try:
                piece: bytes = yield Read()
            except NoAnswer:
                return False
            if not piece:
                return False  # cut off: an event that is not whole does not count
            # A line ends with \n here, whatever the standard allows: it is our own API.
            *lines, rest = (rest + piece).split(b"\n")
            for event in parser.events(lines):
                self.last = parser.last or self.last
                if self.last and not self._begun:
                    self._begun = True
                    yield Give(shape(ServerEvent("begin", "")) or ())
                given = shape(event) if event else ()
                if given is None:
                    return True
                yield Give(given)


class _Parser:
    """Puts lines together to events."""

    def __init__(self) -> None:
        self.last = ""
        self._name = "message"
        self._data: list[str] = []

    def events(self, lines: list[bytes]) -> Iterator[ServerEvent | None]:
        """The events that these lines complete; None for an end of lines that brought no data."""
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").rstrip("\r").partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    self._name = value
                case "data":
                    self._data.append(value)
                case "id":
                    self.last = value
                case "" if not line.strip():
                    yield ServerEvent(self._name, "\n".join(self._data)) if self._data else None
                    self._name, self._data = "message", []
                case _:
                    pass


def _open(place: Place, path: str, last: str) -> Flow[None]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    try:
        head: Head = yield Open(Request("GET", path, headers))
    except NoAnswer as fault:
        raise place.unreachable(fault) from None
    if head.status != HTTPStatus.OK:
        failure: LandfallError = yield from failure_of(place, head)
        raise Unreachable(str(failure)) if head.status in _BUSY else failure
    if "text/event-stream" not in head.headers.get("content-type", ""):
        raise NotLandfall(
            f"what answers at {place.url} sends no events; name the right address with {place.naming_url}."
        )
