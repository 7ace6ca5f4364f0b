"""Opens spans where tracing is on, and where it is off keeps in mind to which trace the work belongs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from structlog.contextvars import bind_contextvars, reset_contextvars

from landfall.exports.traceparent import Traceparent

Told = Mapping[str, str | int | float | bool | None]
"""Attributes; one that is None is left out."""


class Kind(Enum):
    """What a span is in a trace (OpenTelemetry's SpanKind)."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    CONSUMER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How a span begins: below `parent`, or as the root of a trace; `at` is nanoseconds of the Unix epoch, None for now.

    `own` is the place that it has where others have to know that beforehand.
    """

    name: str
    kind: Kind = Kind.INTERNAL
    parent: Traceparent | None = None
    told: Told = field(default_factory=dict)
    at: int | None = None
    own: Traceparent | None = None


class Span:
    """A place in a trace, of which nothing is recorded."""

    __slots__ = ("place",)

    def __init__(self, place: Traceparent | None = None) -> None:
        """Stand at this place, or in no trace."""
        self.place = place

    def tell(self, told: Told) -> None:
        """Add attributes."""

    def rename(self, name: str) -> None:
        """Give it another name."""

    def link(self, place: Traceparent) -> None:
        """Point to a span of another trace."""

    def fail(self, why: str) -> None:
        """Say that it failed, by the name of the reason: a status, or the code of an error."""

    def end(self, at: int | None = None) -> None:
        """End it, now or at these nanoseconds of the Unix epoch."""


class Recorder(Protocol):
    """Records spans and sends them away."""

    def open(self, beginning: Beginning) -> Span:
        """Begin a span; one that the sampler leaves out records nothing."""

    def samples(self, trace_id: str) -> bool:
        """Whether a trace of this id is recorded, which nobody has decided yet."""

    def close(self, seconds: float) -> None:
        """Send what is left, for so long at most."""


@dataclass(slots=True)
class _Switch:
    recorder: Recorder | None = None


_NOWHERE = Span()
_switch = _Switch()
_current: ContextVar[Span] = ContextVar("span", default=_NOWHERE)


def record_by(recorder: Recorder | None) -> None:
    """Have this process' spans recorded from now on, or no longer."""
    _switch.recorder = recorder


def recorder() -> Recorder | None:
    """What records this process' spans; None while tracing is off."""
    return _switch.recorder


def current() -> Span:
    """The span in which this task works."""
    return _current.get()


@contextmanager
def within(span: Span) -> Iterator[Span]:
    """Work in this span: what is opened meanwhile hangs below it, and lines of the log name its trace."""
    if span.place is None:
        yield span
        return
    token = _current.set(span)
    bound = bind_contextvars(trace_id=span.place.trace_id)
    try:
        yield span
    finally:
        reset_contextvars(**bound)
        _current.reset(token)


@contextmanager
def span(name: str, kind: Kind = Kind.INTERNAL, told: Told | None = None, *, at: int | None = None) -> Iterator[Span]:
    """A span below the current one; where there is none, or tracing is off, one that records nothing."""
    above = _current.get()
    if _switch.recorder is None or above.place is None:
        yield _NOWHERE
        return
    beginning = Beginning(name=name, kind=kind, parent=above.place, told=told or {}, at=at)
    opened = _switch.recorder.open(beginning)
    token = _current.set(opened)
    try:
        yield opened
    except Exception as error:
        opened.fail(reason_of(error))
        raise
    finally:
        _current.reset(token)
        opened.end()


def reason_of(error: Exception) -> str:
    """The error's code, else its class: its text may hold anything."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__
