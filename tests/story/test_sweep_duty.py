"""Takes the worker that sweeps away: another sweeps in its place, and what only a sweep finds is found."""

import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.stack import Stack, until

# The first poll is too far off to be sent as a message: only a sweep finds that it is due.
RARELY = {"LANDFALL_POLL_FLOOR_SECONDS": "3600", "LANDFALL_POLL_CAP_SECONDS": "3600"}
Worker = subprocess.Popen[bytes]


def holder(stack: Stack) -> str:
    """Who sweeps, as `host:process:token`."""
    with closing(sqlite3.connect(stack.home / "landfall.db", timeout=30)) as database:
        row = database.execute("SELECT holder FROM duties").fetchone()
    return str(row[0]) if row else ""


def holds(stack: Stack, worker: Worker) -> bool:
    return holder(stack).split(":")[-2:-1] == [str(worker.pid)]


def two_workers(stack: Stack, **settings: str) -> tuple[Worker, Worker]:
    """The one that sweeps, and another that is ready to."""
    first = stack.start("worker", **settings)
    until(lambda: holds(stack, first), "a worker that sweeps")
    ready = stack.log("worker").count("worker ready")
    second = stack.start("worker", **settings)
    until(lambda: stack.log("worker").count("worker ready") > ready, "another worker")
    return first, second


def is_stored(stack: Stack, export_id: str) -> bool:
    """Look; while its report is in the making let the next poll be due, and no message tell of it."""
    with closing(sqlite3.connect(stack.home / "landfall.db", timeout=30)) as database:
        due = "UPDATE exports SET due_at = '2020-01-01 00:00:00.000000' WHERE id = ? AND state = 'exporting'"
        database.execute(due, (export_id,))
        database.commit()
    return bool(stack.show(export_id)["state"] == "stored")


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
def test_when_the_worker_that_sweeps_falls_silent_another_does(stack: Stack, number: signal.Signals) -> None:
    first, second = two_workers(stack, **RARELY)
    id_ = stack.submit()
    stack.wait_for(id_, "exporting")
    first.send_signal(number)
    until(lambda: is_stored(stack, id_), "a stored export")
    assert holds(stack, second)
    if number is signal.SIGSTOP:
        first.send_signal(signal.SIGCONT)
        until(lambda: "another worker sweeps" in stack.log("worker"), "the first worker in the second place")
        assert holds(stack, second)


@pytest.mark.slow
def test_a_worker_that_stops_leaves_the_sweep_to_another_at_once(stack: Stack) -> None:
    first, second = two_workers(stack, LANDFALL_SWEEP_SECONDS="4")
    first.terminate()
    assert first.wait(20) == 0
    assert not holds(stack, first)
    until(lambda: holds(stack, second), "the other worker that sweeps")
