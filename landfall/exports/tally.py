"""Counts by the hour what the events of exports tell."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from landfall.exports.errors import AnswerLost, RateLimited, Throttled
from landfall.exports.histogram import Histogram
from landfall.exports.states import TRANSITIONS, State, Step

QUEUE, BUILD, LANDING = "queue", "build", "landing"
ACCEPT = "accept"
ADMIT = TRANSITIONS[State.QUEUED][State.STARTING]
START = TRANSITIONS[State.STARTING][State.EXPORTING]
FOUND_BUILT = TRANSITIONS[State.EXPORTING][State.READY]
STORE = TRANSITIONS[State.READY][State.STORED]
COUNTERS = (
    "accepted",
    "started",
    "stored",
    "empty",
    "failed",
    "cancelled",
    "retried",
    "polls",
    "throttled",
    "crashes",
    "bytes",
    "rows",
)
_GIVE_UP = TRANSITIONS[State.READY][State.FAILED]
_BACK = TRANSITIONS[State.STARTING][State.QUEUED]
_RETRY, _RESCUED = "retry", "rescued"
_COUNTED_AS = {
    ACCEPT: "accepted",
    START: "started",
    TRANSITIONS[State.STARTING][State.READY]: "started",
    STORE: "stored",
    _GIVE_UP: "failed",
    TRANSITIONS[State.QUEUED][State.CANCELLED]: "cancelled",
    _RESCUED: "crashes",
}
_POLLED = frozenset({"wait", FOUND_BUILT, _RETRY, _GIVE_UP, TRANSITIONS[State.EXPORTING][State.QUEUED]})
_THROTTLED = frozenset({Throttled.code, RateLimited.code})
# The step was put off before it called anybody.
_PUT_OFF = frozenset({"account_closed", "downloads_busy", "suspect_waits"})
_WORKERS_DIED = "worker_died"
_STEPS = frozenset(step.value for step in Step)


class Kind(NamedTuple):
    """What is counted together: the reports of one type of an account within an hour, by when that began."""

    hour: datetime
    account: str
    vendor: str
    report_type: str


class Happened(NamedTuple):
    """An event, what of its export never changes, and what was before it.

    `admitted_before` says of an admission that it was not the first, `ordered_at` when a report that is found built was
    ordered.
    """

    export_id: str
    at: datetime
    kind: str
    step: str | None
    seconds: float | None
    error_code: str | None
    error_message: str | None
    error_action: str | None
    account: str
    vendor: str
    report_type: str
    created_at: datetime
    file_empty: bool | None
    file_bytes: int | None
    file_rows: int | None
    admitted_before: bool | None
    ordered_at: datetime | None


@dataclass(slots=True)
class Failures:
    """How many failed in the same way, and the last of them."""

    count: int
    last: Happened


@dataclass(slots=True)
class Tally:
    """What some events come to: counters by kind, durations by kind and phase, failures by kind, step and error."""

    counters: dict[Kind, dict[str, int]] = field(default_factory=dict)
    durations: dict[tuple[Kind, str], Histogram] = field(default_factory=dict)
    failures: dict[tuple[Kind, str, str], Failures] = field(default_factory=dict)


def tally(events: Iterable[Happened]) -> Tally:
    """Count events, which come in the order of their numbers."""
    counted = Tally()
    for event in events:
        kind = Kind(event.at.replace(minute=0, second=0, microsecond=0), event.account, event.vendor, event.report_type)
        _count(counted, kind, event)
        _time(counted, kind, event)
        if event.kind == _GIVE_UP:
            _note_failure(counted, kind, event)
    return counted


def _count(counted: Tally, kind: Kind, event: Happened) -> None:
    counts: dict[str, int] = {}
    if name := _COUNTED_AS.get(event.kind):
        counts[name] = 1
    if event.kind == STORE:
        counts |= {"empty": int(bool(event.file_empty)), "bytes": event.file_bytes or 0, "rows": event.file_rows or 0}
    if _is_retried(event):
        counts["retried"] = 1
    if event.step == Step.POLL and event.kind in _POLLED and event.error_code not in _PUT_OFF:
        counts["polls"] = 1
    if event.error_code in _THROTTLED and event.kind != _GIVE_UP:
        counts["throttled"] = 1
    if event.kind == _GIVE_UP and event.error_code == _WORKERS_DIED:
        counts["crashes"] = 1
    if counts:
        of_kind = counted.counters.setdefault(kind, {})
        for name, count in counts.items():
            of_kind[name] = of_kind.get(name, 0) + count


def _is_retried(event: Happened) -> bool:
    """Whether a step failed and will be run again; a retry without a step is an operator's, of the export."""
    if event.kind == _RETRY:
        return event.step is not None
    return event.kind == _BACK and event.error_code == AnswerLost.code


def _time(counted: Tally, kind: Kind, event: Happened) -> None:
    if event.seconds is not None and event.step in _STEPS and event.error_code not in _PUT_OFF:
        _add(counted, kind, event.step, event.seconds)
    if event.kind == ADMIT and not event.admitted_before:
        _add(counted, kind, QUEUE, _seconds(event.created_at, event.at))
    elif event.kind == FOUND_BUILT and event.ordered_at:
        _add(counted, kind, BUILD, _seconds(event.ordered_at, event.at))
    elif event.kind == STORE:
        _add(counted, kind, LANDING, _seconds(event.created_at, event.at))


def _add(counted: Tally, kind: Kind, phase: str | None, seconds: float) -> None:
    counted.durations.setdefault((kind, phase or ""), Histogram()).add(seconds)


def _note_failure(counted: Tally, kind: Kind, event: Happened) -> None:
    known = counted.failures.setdefault((kind, event.step or "", event.error_code or ""), Failures(0, event))
    known.count += 1
    known.last = event


def _seconds(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds()
