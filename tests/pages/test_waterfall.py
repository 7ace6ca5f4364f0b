"""Checks the figures of the waterfall for planted timelines."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from api.pages.axis import Axis
from api.pages.waterfall import MOST_POLLS, Life, lives
from landfall.database.reading import TimelineEvent
from tests.exports.jobs import NOON


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def event(after: float, kind: str, state: str, step: str | None = None, **more: Any) -> TimelineEvent:
    given: dict[str, Any] = {"attempt": 0, "generation": 1, "seconds": None, "error_code": None, "error_message": None}
    return TimelineEvent(
        at=at(after), kind=kind, state=state, step=step, **{**given, "error_action": None, "note": None, **more}
    )


STORED = [
    event(0, "accept", "queued"),
    event(10, "admit", "starting"),
    event(14, "retry", "starting", "start", attempt=1, seconds=2.0, error_code="lost", error_message="no answer"),
    event(20, "start", "exporting", "start", attempt=2, seconds=1.0),
    event(40, "wait", "exporting", "poll", seconds=0.1),
    event(60, "poll", "ready", "poll", seconds=0.1),
    event(100, "download", "stored", "download", attempt=1, seconds=30.0),
]


def only(events: list[TimelineEvent], now: float = 1000) -> Life:
    (life,) = lives(events, at(now))
    return life


def test_each_stay_is_a_lane_in_order_of_time() -> None:
    life = only(STORED)
    assert [(lane.name, lane.note, lane.seconds) for lane in life.lanes] == [
        ("Queue", "", 10.0),
        ("Start", "2 attempts", 10.0),
        ("Build", "2 polls", 40.0),
        ("Download", "1 attempt", 40.0),
    ]
    assert (life.seconds, life.ended_by and life.ended_by.state) == (100.0, "stored")


def test_bars_stand_where_things_happened_in_per_cent_of_the_life() -> None:
    queue, start, build, download = only(STORED).lanes
    assert [(bar.place, bar.width, bar.look) for bar in queue.bars] == [(0, 10, "queued")]
    assert [(bar.place, bar.width, bar.look) for bar in start.bars] == [
        (10, 10, "starting wait"),
        (12, 2, "failed"),
        (19, 1, "starting"),
    ]
    assert [(bar.place, bar.width, bar.look) for bar in build.bars] == [(20, 40, "exporting")]
    assert [dot.place for dot in build.dots] == [40, 60]
    assert [(bar.place, bar.width, bar.look) for bar in download.bars] == [(60, 40, "ready wait"), (70, 30, "stored")]


def test_an_attempt_tells_its_outcome() -> None:
    start = only(STORED).lanes[1]
    assert start.bars[1].title == "12:00:14 start, attempt 1: retry, took 2.0 s; lost: no answer"


def test_what_still_runs_goes_on_to_now() -> None:
    life = only(STORED[:5], now=80)
    assert life.ended_by is None
    assert (life.seconds, life.lanes[-1].seconds, life.lanes[-1].running) == (80.0, 60.0, True)
    assert life.lanes[-1].bars[0].place + life.lanes[-1].bars[0].width == 100


def test_a_clock_that_is_behind_the_database_s_draws_nothing_backwards() -> None:
    life = only(STORED[:5], now=0)
    assert life.seconds == 40.0
    assert all(bar.width > 0 for lane in life.lanes for bar in lane.bars)


def test_a_retry_begins_another_life_with_a_scale_of_its_own() -> None:
    failed = [*STORED[:6], event(70, "give up", "failed", "download", attempt=3, error_code="x", error_message="y")]
    later = 3 * 86400
    retried = [
        event(later, "retry", "ready", note="by key ops"),
        event(later + 4, "download", "stored", "download", attempt=1, seconds=4.0),
    ]
    first, second = lives([*failed, *retried], at(later + 10))
    assert (first.seconds, second.seconds) == (70.0, 4.0)
    assert (second.begun_by.note, [lane.name for lane in second.lanes]) == ("by key ops", ["Download"])


def test_what_is_told_after_the_end_lengthens_nothing() -> None:
    pruned = event(90 * 86400, "pruned", "stored", note="kept for 90 days")
    assert only([*STORED, pruned]).seconds == 100.0


def test_a_report_that_was_lost_shows_the_next_one_in_lanes_of_its_own() -> None:
    lost = event(60, "report lost", "queued", "poll", generation=2, error_code="report_lost", error_message="gone")
    life = only([*STORED[:5], lost, event(61, "admit", "starting", generation=2)], now=70)
    assert [(lane.name, lane.generation) for lane in life.lanes] == [
        ("Queue", 1),
        ("Start", 1),
        ("Build", 1),
        ("Queue", 2),
        ("Start", 2),
    ]
    assert life.lanes[2].dots[-1].failed


def test_many_polls_are_thinned_and_the_lane_says_so() -> None:
    polls = [event(20 + number, "wait", "exporting", "poll") for number in range(1, 1001)]
    lane = only([*STORED[:4], *polls], now=2000).lanes[-1]
    assert (lane.note, lane.thinned, len(lane.dots)) == ("1000 polls", 5, MOST_POLLS)


def test_an_export_that_went_back_and_forth_shows_how_it_began_and_how_it_goes_on() -> None:
    back = [
        each
        for number in range(50)
        for each in (event(2 * number + 1, "admit", "starting"), event(2 * number + 2, "sent back", "queued", "start"))
    ]
    life = only([STORED[0], *back], now=200)
    assert (len(life.lanes), life.skipped, life.before) == (24, 77, 12)


def test_no_event_is_no_life() -> None:
    assert lives([], NOON) == []


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0, ["0", "1 ms"]),
        (0.4, ["0", "0.1 s", "0.2 s", "0.3 s", "0.4 s"]),
        (47, ["0", "10 s", "20 s", "30 s", "40 s"]),
        (700, ["0", "5 min", "10 min"]),
        (3 * 3600, ["0", "1 h", "2 h", "3 h"]),
        (400 * 86400, ["0", "80 d", "160 d", "240 d", "320 d", "400 d"]),
    ],
)
def test_a_scale_has_a_few_round_marks(seconds: float, labels: list[str]) -> None:
    marks = list(Axis(NOON, at(seconds)).marks())
    assert [mark.label for mark in marks] == labels
    assert marks[0].anchor == "start"
    assert all(0 <= mark.place <= 100 for mark in marks)
