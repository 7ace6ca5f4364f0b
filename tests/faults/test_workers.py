"""Rows 1 to 7, 12 and 13: workers that are killed, stopped, poisoned or blocked in the middle of a step."""

import os
import signal
import time
from datetime import timedelta

import pytest

from landfall.storage.disk import DiskStore
from tests.faults.promise import assert_kept
from tests.faults.row import BOTH, Row
from tests.stack import until
from tests.story.store_watch import parts

KILLING_SECONDS = float(os.environ.get("FAULTS_KILLING_SECONDS", "40"))
LARGE = 20_000_000

both = pytest.mark.parametrize("database_url", BOTH, indirect=True)


def die_and_be_followed(row: Row, failpoint: str) -> None:
    """One export, and two workers: the one that a failpoint ends, and the other."""
    workers = row.start_workers(2, failpoint)
    row.submit()
    assert row.until_one_ends(workers).returncode == -signal.SIGKILL


@both
@pytest.mark.faults(1, "worker killed in start, before the call")
def test_a_worker_killed_before_it_calls_the_vendor_is_followed_by_another(row: Row) -> None:
    die_and_be_followed(row, "start.before_call=kill")
    assert_kept(row)
    assert row.starts() == 1
    row.note(starts=row.starts())


def kill_between_acceptance_and_row(row: Row) -> None:
    """The vendor builds a report that nobody knows of, while six more exports wait for slots."""
    workers = row.start_workers(2, "start.accepted=kill")
    row.victims = row.submit()
    row.until_one_ends(workers)
    row.submit(6)


LONG_BUILDS = {
    "sandbox": ("--build-mean", "6", "--build-sigma", "0.01"),
    "settings": {"LANDFALL_LOST_START_SECONDS": "10"},
}


@both
@pytest.mark.faults(2, "worker killed after the vendor accepted", **LONG_BUILDS)
def test_the_slot_of_a_start_that_nobody_knows_of_is_held(row: Row) -> None:
    kill_between_acceptance_and_row(row)
    figures = assert_kept(row)
    assert figures.most_started == 5
    row.note(orphans=row.starts() - len(row.accepted))
    assert row.starts() == len(row.accepted) + 1


@both
@pytest.mark.faults(3, "worker killed in a poll", sandbox=("--build-mean", "2", "--build-sigma", "0.01"))
def test_a_worker_killed_in_a_poll_is_followed_by_one_that_polls_the_same_report(row: Row) -> None:
    place = row.rng.choice(("poll.before_call", "poll.answered"))
    die_and_be_followed(row, f"{place}=kill@{row.rng.randint(1, 3)}")
    assert_kept(row)
    assert row.starts() == 1
    row.note(starts=row.starts(), at=place)


@both
@pytest.mark.faults(4, "worker killed in a download")
def test_a_worker_killed_at_any_byte_of_a_download_leaves_nothing_half_to_be_seen(row: Row) -> None:
    row.stack.sandbox.fault("body_size", bytes=LARGE)
    chunk = row.rng.randint(2, LARGE >> 21)  # a piece holds 1 MiB and what came with its end
    die_and_be_followed(row, f"download.chunk=kill@{chunk}")
    assert_kept(row)
    assert row.starts() == 1
    row.note(chunk=chunk, bytes_sent=row.stack.sandbox.reports()[0]["bytes_sent"])


@both
@pytest.mark.parametrize("place", ["publish.linked", "download.published"])
@pytest.mark.faults(5, "worker killed between publish and row")
def test_a_file_whose_publisher_died_before_it_told_is_adopted(row: Row, place: str) -> None:
    die_and_be_followed(row, f"{place}=kill")
    assert_kept(row)
    store = row.stack.home / "files"
    DiskStore(store).sweep(timedelta())
    assert parts(store) == []
    row.note(at=place)


@pytest.mark.timeout(KILLING_SECONDS + 260)
@pytest.mark.faults(
    6, f"a worker killed each second for {KILLING_SECONDS:g} s", settings={"LANDFALL_MAX_CRASHES": "50"}
)
def test_workers_killed_each_second_lose_nothing(row: Row) -> None:
    workers = [row.start_worker(), row.start_worker()]
    end = time.monotonic() + KILLING_SECONDS
    while time.monotonic() < end:
        row.submit(2)
        row.submit(account="shop-ab")
        until_next = time.monotonic() + 1.0
        until(lambda next_=until_next: time.monotonic() >= next_, "the next second")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        row.kill(workers.pop(row.rng.randrange(len(workers))))
        workers.append(row.start_worker())
    figures = assert_kept(row, injected=int(KILLING_SECONDS / 3), seconds=120)
    row.note(exports=len(row.accepted), kills=figures.injected)


def stop_beyond_the_lease(row: Row, place: str) -> None:
    """A worker that is stopped with a result in its hands, and goes on when another has done the same."""
    workers = row.start_workers(2, f"{place}=stop")
    row.submit()
    silent = row.until_one_stops(workers)
    until(row.is_over, "the export stored by another worker")
    row.resume(silent)
    until(lambda: row.fenced() or row.terms.mutant, "a late result")


@both
@pytest.mark.parametrize("place", ["start.accepted", "poll.answered", "download.published"])
@pytest.mark.faults(7, "worker stopped beyond its lease, then continued")
def test_what_a_stopped_worker_writes_too_late_changes_nothing(row: Row, place: str) -> None:
    stop_beyond_the_lease(row, place)
    assert_kept(row)
    assert row.fenced() == 1
    row.note(at=place, fenced=row.fenced())


@pytest.mark.faults(13, "event loop blocked for 6 leases")
def test_a_worker_whose_event_loop_is_blocked_loses_the_step_and_does_nothing_twice(row: Row) -> None:
    row.start_workers(2, "download.begun=block:6")
    row.submit()
    row.until_struck("download.begun")
    until(row.fenced, "a late result")
    assert_kept(row)
    row.note(fenced=row.fenced())


@pytest.mark.timeout(400)
@pytest.mark.faults(
    12, "poison export: its download kills each worker", settings={"LANDFALL_RETRY_BASE_SECONDS": "0.05"}
)
def test_an_export_that_kills_every_worker_fails_and_the_others_do_not(row: Row) -> None:
    (poison,) = row.submit()
    row.submit(12)
    failpoint = f"download.begun[{poison}]=segfault*all"
    workers = row.start_workers(2, failpoint)

    def poison_is_over() -> bool:
        for worker in [each for each in workers if each.poll() is not None]:
            workers.remove(worker)
            workers.append(row.start_worker(failpoint))
        return bool(row.stack.show(poison)["state"] == "failed")

    until(poison_is_over, "the end of the poison export", 250)
    assert_kept(row, failed={poison: "worker_died"})
    crashes = len(row.strikes("download.begun"))
    others = max(row.kinds(each).count("rescued") for each in row.accepted[1:])
    assert (crashes, others < crashes) == (3, True)
    row.note(crashes=crashes, most_rescues_of_others=others)
