"""Listens to the API's event streams as any client of server-sent events does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.stack import Stack

_PATIENCE_SECONDS = 60.0


@dataclass
class Stream:
    """One connection; `last` is the number to go on from, `comments` are the heartbeats."""

    answer: httpx.Response
    last: str = ""
    comments: int = 0
    _lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.answer.iter_lines()

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events by name and data, until the stream ends. Raises httpx.TransportError where it breaks off."""
        name, data = "message", ""
        for line in self._lines:
            kind, _, value = line.partition(": ")
            if kind == "id":
                self.last = value
            elif kind == "event":
                name = value
            elif kind == "data":
                data = value
            elif not line:
                if data:
                    yield name, json.loads(data)
                name, data = "message", ""
            elif not kind:
                self.comments += 1

    def next(self) -> tuple[str, dict[str, Any]]:
        return next(self.events())

    def begin(self) -> None:
        """Wait until the stream says where it begins."""
        while not self.last:
            kind, _, value = next(self._lines).partition(": ")
            self.last = value if kind == "id" else ""


@contextmanager
def listening(
    api: Stack, path: str, *, last: str = "", headers: Mapping[str, str] | None = None, **query: Any
) -> Iterator[Stream]:
    """A stream that is open for a block."""
    asked = {**api.credentials, "accept": "text/event-stream", **(headers or {})}
    if last:
        asked["last-event-id"] = last
    url = api.url + path
    with httpx.stream("GET", url, headers=asked, params=query, timeout=_PATIENCE_SECONDS, trust_env=False) as answer:
        assert answer.status_code == 200, answer.read()
        yield Stream(answer)
