"""Draws an export's timeline as a waterfall: a lane for each stay in the queue, start, build and download."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.pages.axis import Axis, Mark
from api.pages.words import duration
from landfall.database.reading import TimelineEvent
from landfall.exports.states import TERMINAL, State, Step

MOST_POLLS = 200
_MOST_LANES = 24
_MOST_LIVES = 5
# What is shorter is drawn as long as this: one can see and point at it.
_LEAST_WIDTH = 0.5
_NAMES = {State.QUEUED: "Queue", State.STARTING: "Start", State.EXPORTING: "Build", State.READY: "Download"}
_STEPS = {State.STARTING: Step.START, State.EXPORTING: Step.POLL, State.READY: Step.DOWNLOAD}
_DONE = {State.QUEUED: "queued", State.STARTING: "starting", State.EXPORTING: "exporting", State.READY: "stored"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in per cent of its life; `look` are its classes, `title` what it tells who points at it."""

    place: float
    width: float
    look: str
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A poll: its place in per cent, and what came of it."""

    place: float
    failed: bool
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One stay in a state; `note` counts what was tried in it, `thinned` says that of so many polls one is drawn."""

    name: str
    note: str
    generation: int
    seconds: float
    running: bool
    bars: Sequence[Bar]
    dots: Sequence[Dot]
    thinned: int = 1


@dataclass(frozen=True, slots=True)
class Life:
    """From an acceptance or a retry to the end; `skipped` lanes in its middle are not drawn, after the first `before`."""

    begun_by: TimelineEvent
    ended_by: TimelineEvent | None
    seconds: float
    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    skipped: int = 0
    before: int = 0


@dataclass(slots=True)
class _Stay:
    state: State
    begin: datetime
    generation: int
    end: datetime | None = None
    events: list[TimelineEvent] = field(default_factory=list)


def lives(events: Sequence[TimelineEvent], now: datetime) -> list[Life]:
    """The last few lives of an export with this timeline, the earliest first."""
    return [_life(each, now) for each in list(_lives(events))[-_MOST_LIVES:]]


def _lives(events: Sequence[TimelineEvent]) -> Iterator[list[TimelineEvent]]:
    """The events of each life; what is told of an export after its end belongs to none."""
    life: list[TimelineEvent] = []
    for event in events:
        ended = bool(life) and life[-1].state in TERMINAL
        if ended and event.state in TERMINAL:
            continue
        if ended:
            yield life
            life = []
        life.append(event)
    if life:
        yield life


def _life(events: Sequence[TimelineEvent], now: datetime) -> Life:
    stays = list(_stays(events))
    last = events[-1]
    over = last.state in TERMINAL
    axis = Axis(events[0].at, last.at if over else max(now, last.at))
    skipped, half = max(0, len(stays) - _MOST_LANES), _MOST_LANES // 2
    drawn = [*stays[:half], *stays[-half:]] if skipped else stays
    return Life(
        begun_by=events[0],
        ended_by=last if over else None,
        seconds=(axis.end - axis.begin).total_seconds(),
        lanes=[_lane(stay, axis) for stay in drawn],
        marks=list(axis.marks()),
        skipped=skipped,
        before=half,
    )


def _stays(events: Sequence[TimelineEvent]) -> Iterator[_Stay]:
    stay: _Stay | None = None
    for event in events:
        state = State(event.state)
        if stay:
            stay.events.append(event)
            if stay.state is state:
                continue
            stay.end = event.at
            yield stay
        stay = _Stay(state, event.at, event.generation)
    if stay and stay.state not in TERMINAL:
        yield stay


def _lane(stay: _Stay, axis: Axis) -> Lane:
    end = stay.end or axis.end
    tried = [event for event in stay.events if event.step and event.step == _STEPS.get(stay.state)]
    ground = _bar(axis, stay.begin, end, _ground(stay), f"{_NAMES[stay.state]}: {duration(end - stay.begin)}")
    polls = tried if stay.state is State.EXPORTING else []
    attempts = [] if polls or stay.state is State.EXPORTING else tried
    every = math.ceil(len(polls) / MOST_POLLS) or 1
    return Lane(
        name=_NAMES[stay.state],
        note=_count(len(tried), "poll" if stay.state is State.EXPORTING else "attempt"),
        generation=stay.generation,
        seconds=(end - stay.begin).total_seconds(),
        running=stay.end is None,
        bars=[ground, *(_attempt(axis, stay.state, event) for event in attempts)],
        dots=[Dot(axis.place(event.at), event.error_code is not None, _told(event)) for event in polls[::every]],
        thinned=every,
    )


def _ground(stay: _Stay) -> str:
    look = _DONE[stay.state] if stay.state is not State.READY else "ready"
    return look if stay.state in {State.QUEUED, State.EXPORTING} else f"{look} wait"


def _attempt(axis: Axis, state: State, event: TimelineEvent) -> Bar:
    begin = event.at - timedelta(seconds=event.seconds or 0)
    look = "failed" if event.error_code else "cancelled" if event.kind == "cancel" else _DONE[state]
    return _bar(axis, begin, event.at, look, _told(event))


def _bar(axis: Axis, begin: datetime, end: datetime, look: str, title: str) -> Bar:
    place = min(axis.place(begin), 100 - _LEAST_WIDTH)
    return Bar(round(place, 2), round(max(axis.place(end) - place, _LEAST_WIDTH), 2), look, title)


def _told(event: TimelineEvent) -> str:
    what = f"{event.step}, attempt {event.attempt}: {event.kind}" if event.attempt else f"{event.step}: {event.kind}"
    took = f", took {duration(event.seconds)}" if event.seconds is not None else ""
    met = (
        f"; {event.error_code}: {event.error_message}" if event.error_code else f"; {event.note}" if event.note else ""
    )
    return f"{event.at:%H:%M:%S} {what}{took}{met}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
