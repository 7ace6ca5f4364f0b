"""Defines what is known around an export when it is explained, and the sentences that explain it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from landfall.exports.expecting import Usual
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.exports.throttle import Throttle

_MINUTE, _HOUR = 60, 3600
_TEENS = range(11, 14)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True, slots=True)
class Last:
    """The last event of an export's timeline."""

    kind: str
    at: datetime
    step: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An export that holds a slot; `seconds` is how long it is likely to hold it yet, None where nobody knows."""

    id: str
    state: State
    since: datetime | None
    seconds: float | None = None
    report_type: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The account's slots and its queue.

    `used` counts slots, also those held for reports that no export waits for; `holders` are some of the exports that
    hold one. `place` is the export's own in the queue, from 1 on; `more` says that it is at least that.
    """

    throttle: Throttle
    used: int
    holders: Sequence[Holder] = ()
    place: int | None = None
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """An export and all that bears on it: `line` is None once it has ended, `workers` counts those heard of lately."""

    job: ExportJob
    now: datetime
    last: Last | None = None
    line: Line | None = None
    usual: Usual | None = None
    workers: int = 1
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """One sentence of an explanation, and what it says as data."""

    code: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is likely to come, each None where it is past or nobody knows: the slot, the finished report, the next step."""

    start_at: datetime | None = None
    built_at: datetime | None = None
    next_step_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One sentence, what it rests on, and what is likely to come."""

    summary: str
    details: Sequence[Detail]
    expected: Expected


def moment(at: datetime) -> str:
    """A moment for a sentence, in UTC as all of them are kept."""
    return f"{at:%Y-%m-%d %H:%M:%SZ}"


def span(seconds: float) -> str:
    """A time for a sentence: 4 s, 3 min 20 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in _TEENS else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"
