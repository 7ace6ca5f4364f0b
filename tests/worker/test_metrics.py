"""Promises of what a worker counts."""

from datetime import timedelta

import pytest

from landfall.exports.errors import RateLimited, Throttled
from landfall.exports.job import Artifact
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Retrying, Waiting, outcome_of
from landfall.exports.states import State, Step
from tests.exports.jobs import NOON, make_job
from tests.exposed import Exposed
from worker.metrics import Metrics
from worker.reasons import INTERNAL_ERROR, SUSPECT_WAITS

VENDOR = "buy_with_prime"
BUILDING = make_job(
    state=State.EXPORTING, started_at=NOON + timedelta(seconds=90), deadline_at=NOON + timedelta(hours=12, seconds=60)
)
FILE = Artifact("file:///a.csv", 5000, 40, "a" * 64, ("id",), empty=False)


def exposed(metrics: Metrics) -> Exposed:
    return Exposed(metrics.text())


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Advanced(to=State.READY), "advanced"),
        (Waiting(), "waiting"),
        (SUSPECT_WAITS, "put_off"),
        (Retrying(INTERNAL_ERROR), "retrying"),
        (GaveUp(INTERNAL_ERROR), "gave_up"),
    ],
)
def test_a_step_counts_once_under_what_it_came_to(outcome: Outcome, name: str) -> None:
    metrics = Metrics()
    metrics.settled(Step.POLL, BUILDING, outcome, BUILDING, 0.2)
    found = exposed(metrics)
    assert found.one("landfall_steps_total", step="poll", outcome=name, vendor=VENDOR) == 1
    assert found.total("landfall_steps_total") == 1
    assert found.total("landfall_step_seconds_count") == (name != "put_off")
    assert found.total("landfall_step_errors_total", error="internal_error") == (name in {"retrying", "gave_up"})


def test_what_alarms_and_dashboards_watch_begins_at_zero_for_each_vendor() -> None:
    found = exposed(Metrics({VENDOR}))
    for state in ("stored", "failed"):
        assert found.one("landfall_finished_exports_total", vendor=VENDOR, state=state) == 0
    assert found.one("landfall_unknown_statuses_total", vendor=VENDOR) == 0
    assert found.one("landfall_webhook_deliveries_total", result="failed") == 0
    for step in Step:
        assert found.one("landfall_rescued_steps_total", vendor=VENDOR, step=step) == 0
        assert found.one("landfall_late_settlements_total", vendor=VENDOR, step=step) == 0


def test_a_status_that_is_not_known_is_counted_and_a_plain_not_yet_is_not() -> None:
    metrics = Metrics({VENDOR})
    for outcome in (Waiting(), Waiting(note="unknown status 'PARKED'")):
        metrics.settled(Step.POLL, BUILDING, outcome, BUILDING, 0.2)
    assert exposed(metrics).one("landfall_unknown_statuses_total", vendor=VENDOR) == 1


def test_an_outcome_that_came_too_late_is_no_settled_step() -> None:
    metrics = Metrics()
    metrics.settled(Step.DOWNLOAD, BUILDING, Advanced(to=State.STORED, artifact=FILE), None, 0.2)
    found = exposed(metrics)
    assert found.one("landfall_late_settlements_total", step="download", vendor=VENDOR) == 1
    for name in ("landfall_steps_total", "landfall_stored_bytes_total", "landfall_finished_exports_total"):
        assert found.total(name) == 0


def test_throttled_answers_count_by_account_and_reason() -> None:
    metrics = Metrics()
    starting = make_job(state=State.STARTING)
    for error in (Throttled("full"), RateLimited("slow"), RateLimited("slow")):
        metrics.settled(Step.START, starting, outcome_of(error), starting, 0.1)
    found = exposed(metrics)
    assert found.one("landfall_throttled_answers_total", account="shop-bwp", reason="slots_full") == 1
    assert found.one("landfall_throttled_answers_total", account="shop-bwp", reason="rate_limited") == 2


def test_the_way_of_an_export_is_measured_from_stage_to_stage() -> None:
    metrics = Metrics()
    starting = make_job(state=State.STARTING, deadline_at=BUILDING.deadline_at)
    metrics.settled(Step.START, starting, Advanced(to=State.EXPORTING), BUILDING, 0.1)
    ready = make_job(state=State.READY, polls=3, due_at=NOON + timedelta(seconds=490), started_at=BUILDING.started_at)
    metrics.settled(Step.POLL, BUILDING, Advanced(to=State.READY), ready, 0.1)
    stored = make_job(state=State.STORED, polls=3, finished_at=NOON + timedelta(seconds=600), artifact=FILE)
    metrics.settled(Step.DOWNLOAD, ready, Advanced(to=State.STORED, artifact=FILE), stored, 0.1)
    found = exposed(metrics)
    sums = {"queue_wait": 60, "build": 400, "export": 600}
    for name, seconds in sums.items():
        assert found.one(f"landfall_{name}_seconds_sum", vendor=VENDOR) == seconds
        assert found.one(f"landfall_{name}_seconds_count", vendor=VENDOR) == 1
    assert found.one("landfall_stored_export_polls_sum", vendor=VENDOR) == 3
    assert found.one("landfall_stored_bytes_total", vendor=VENDOR) == 5000
    assert found.one("landfall_stored_rows_total", vendor=VENDOR) == 40
    assert found.one("landfall_finished_exports_total", vendor=VENDOR, state="stored") == 1


def test_a_vendors_word_on_its_building_time_counts_where_it_can_be_true() -> None:
    metrics = Metrics()
    ready = make_job(state=State.READY, due_at=NOON + timedelta(seconds=490))
    for told in (250.0, 9000.0):
        metrics.settled(Step.POLL, BUILDING, Advanced(to=State.READY, build_seconds=told), ready, 0.1)
    assert exposed(metrics).one("landfall_build_seconds_sum", vendor=VENDOR) == 250 + 400


def test_a_rescue_counts_and_one_too_many_is_a_failed_export() -> None:
    metrics = Metrics()
    metrics.rescued(Step.POLL, BUILDING)
    metrics.rescued(Step.POLL, make_job(state=State.FAILED))
    found = exposed(metrics)
    assert found.one("landfall_rescued_steps_total", step="poll", vendor=VENDOR) == 2
    assert found.one("landfall_finished_exports_total", state="failed", vendor=VENDOR) == 1


def test_webhooks_count_by_result_and_the_event_loop_by_how_late_it_was() -> None:
    metrics = Metrics()
    for result in ("delivered", "delivered", "failed"):
        metrics.webhook_answered(result)
    metrics.woke_late(0.03)
    found = exposed(metrics)
    assert found.one("landfall_webhook_deliveries_total", result="delivered") == 2
    assert found.one("landfall_event_loop_lag_seconds_bucket", le="0.05") == 1
    assert found.one("landfall_event_loop_lag_seconds_bucket", le="0.025") == 0
