"""Promises of traceparents: which are believed, and what is derived from them."""

from dataclasses import replace

import pytest

from landfall.exports.job import Fault
from landfall.exports.states import State, Step
from landfall.exports.steering import retry
from landfall.exports.traceparent import Traceparent, kept, life_of, own_trace
from tests.exports.jobs import NOON, make_job

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{SPAN}-01"


def test_a_traceparent_is_read_and_written_as_it_came() -> None:
    found = Traceparent.read(GIVEN)
    assert found == Traceparent(TRACE, SPAN, sampled=True)
    assert str(found) == GIVEN


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_the_last_bit_of_the_flags_says_whether_it_is_recorded(flags: str, *, sampled: bool) -> None:
    assert Traceparent.read(f"00-{TRACE}-{SPAN}-{flags}") == Traceparent(TRACE, SPAN, sampled=sampled)


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert Traceparent.read(f"01-{TRACE}-{SPAN}-01-more") == Traceparent(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"{GIVEN}-more",
        f"{GIVEN} ",
        f"{GIVEN}\n",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"00_{TRACE}_{SPAN}_01",
        "00-\N{ARABIC-INDIC DIGIT ONE}" + GIVEN[4:],
    ],
)
def test_a_malformed_traceparent_counts_as_none(text: str) -> None:
    assert Traceparent.read(text) is None


def test_a_retry_begins_another_life_in_the_same_trace() -> None:
    for traceparent, trace in ((GIVEN, TRACE), (None, own_trace("exp_1"))):
        ended = make_job(
            state=State.FAILED, traceparent=traceparent, finished_at=NOON, error=Fault("report_lost", "gone", "Again.")
        )
        again = retry(ended, Step.POLL, from_start=False, now=NOON).job
        assert kept(again) == Traceparent(trace, life_of(ended), sampled=True)
        assert life_of(again) != life_of(ended)


def test_a_life_has_the_same_id_in_every_step_and_another_one_in_every_export() -> None:
    job = make_job(traceparent=GIVEN)
    later = replace(job, state=State.READY, version=7, generation=3, attempts=2)
    assert life_of(later) == life_of(job)
    assert life_of(make_job(id="exp_2", traceparent=GIVEN)) != life_of(job)
    assert len(life_of(job)) == 16
    assert len(own_trace("exp_1")) == 32
