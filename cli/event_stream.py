"""Listens to the API's server-sent events, and goes on behind the last one where the connection breaks."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from cli.client import Api
from cli.failures import CommandError, UnreachableError
from cli.output import remark

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(slots=True)
class ServerEvent:
    """One event as it came: its name, `message` where it has none, and its data."""

    name: str
    data: str


class Listener:
    """Listens under one path; `last` is the number of the last event that came, where it is known."""

    def __init__(self, api: Api, path: str) -> None:
        """Listen to nothing yet."""
        self.last = ""
        self._api = api
        self._path = path

    def events(self) -> Iterator[ServerEvent]:
        """What comes, for ever, and a `begin` before it once it is known from where on.

        An API that is away is waited for, up to a minute, if it was there at first.

        Raises UnreachableError, and what `Api.get` raises where the API refuses.
        """
        away_since, reached, begun = None, False, False
        while True:
            try:
                for event in self._listen():
                    away_since, reached = None, True
                    if self.last and not begun:
                        begun = True
                        yield ServerEvent("begin", "")
                    if event:
                        yield event
            except UnreachableError:
                if not reached:
                    raise
            now = time.monotonic()
            if away_since is None:
                away_since = now
                remark("The connection ended; it is taken up again.")
            elif now - away_since > _PATIENCE_SECONDS:
                raise UnreachableError(f"no Landfall has answered at {self._api.url} for a minute; try again later.")
            time.sleep(_PAUSE_SECONDS)

    def _listen(self) -> Iterator[ServerEvent | None]:
        """What comes over one connection; None says that it lives."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.last} if self.last else {})
        with self._api.exchange("GET", self._path, headers) as answer:
            if answer.status in _BUSY:
                raise UnreachableError(str(self._api.failure(answer)))
            if answer.status != HTTPStatus.OK:
                raise self._api.failure(answer)
            if "text/event-stream" not in answer.headers.get("Content-Type", ""):
                raise CommandError(
                    f"what answers at {self._api.url} sends no events; name the right address with --url."
                )
            yield None
            yield from self._parse(_lines(answer))

    def _parse(self, lines: Iterator[str]) -> Iterator[ServerEvent | None]:
        name, data = "message", list[str]()
        for line in lines:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    name = value
                case "data":
                    data.append(value)
                case "id":
                    self.last = value
                case "" if not line:
                    yield ServerEvent(name, "\n".join(data)) if data else None
                    name, data = "message", []
                case _:
                    pass


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    """The lines as they come, until the connection ends or breaks."""
    while True:
        try:
            line = answer.readline()
        except (OSError, http.client.HTTPException):
            return
        if not line.endswith(b"\n"):
            return  # cut off: an event that is not whole does not count
        yield line.decode("utf-8", "replace").rstrip("\r\n")
