"""Names what the client's procedures ask for, so that one text serves with and without await.

A procedure is a generator: it yields an effect, is sent what came of it, and returns its result. A driver carries the
effects out: landfall_client.driving does so in turn, landfall_client.async_driving with await.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API, or to another `site` (scheme://host[:port]), which gets no header but those given here.

    `target` is the path with its query, below the API's address: to another site it may be a key to a file. `at_most`
    is for how many seconds to wait on the network each time, where that is less than usual.
    """

    method: str
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    site: str | None = None
    repeatable: bool = True
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer begins with; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Send the request; a Head comes. Raises NoAnswer."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Read on in the answer that was opened last; bytes come, none at its end. Raises NoAnswer."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Do what may block, as writing to a disk does; its result comes."""

    do: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Give:
    """Hand these to whoever iterates over the procedure."""

    items: Iterable[Any]


Effect: TypeAlias = Open | Read | Pause | Work | Give
Flow: TypeAlias = Generator[Effect, Any, T]


class Stream(Protocol):
    """An answer that was opened."""

    @property
    def head(self) -> Head:
        """What it begins with."""

    def read(self) -> bytes:
        """The next bytes as they come, none at the end. Raises NoAnswer."""

    def close(self) -> None:
        """Let go of it."""


class Carrier(Protocol):
    """Carries requests."""

    def open(self, request: Request) -> Stream:
        """Send and wait for the head of the answer. Raises NoAnswer."""
