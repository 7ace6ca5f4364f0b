"""Rows 32 and 33: clocks of workers, or of the whole machine, that are wrong or jump."""

import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.moving import longest_rest, with_a_step
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.stack import until

SOURCE = Path(__file__).with_name("shifted_clock.c")
BUILDS = {"sandbox": ("--build-mean", "2", "--build-sigma", "0.2")}
HOUR = 3600


@dataclass(frozen=True)
class Clock:
    """The wall clock of the processes that are started with its settings, but not of Postgres, Redis or the sandbox.

    A library that is preloaded shifts it; what measures time only (the monotonic clock) runs on as it does on a
    machine whose clock is set.
    """

    library: Path
    shift: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "SHIFTED_CLOCK": str(self.shift)}

    def set(self, seconds: int) -> None:
        """Let it be so far from the true time, at once for all who use it."""
        with self.shift.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    compiler = shutil.which("cc") or pytest.skip("a C compiler is missing")
    library, shift = tmp_path / "shifted_clock.so", tmp_path / "shift"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    shift.write_bytes(bytes(8))
    clock = Clock(library, shift)
    clock.set(86400)
    asked = subprocess.run(
        ["date", "+%s"], env={"PATH": "/usr/bin:/bin", **clock.settings}, capture_output=True, text=True, check=True
    )
    if abs(int(asked.stdout) - time.time() - 86400) > 60:
        pytest.skip("LD_PRELOAD does not reach the clock")
    clock.set(0)
    return clock


on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@on_postgres
@pytest.mark.parametrize("skew", [5, -5])
@pytest.mark.faults(32, "clock of one worker 5 s wrong", **BUILDS)
def test_a_worker_whose_clock_is_wrong_takes_no_step_from_another(row: Row, clock: Clock, skew: int) -> None:
    clock.set(skew)
    row.inject(f"clock {skew:+} s")
    row.start_workers(1)
    row.start_workers(1, **clock.settings)
    row.submit(20)
    row.moments = [time.time()]
    assert_kept(row)
    events = [event for id_ in row.accepted for event in row.stack.events(id_)]
    extra = row.starts() - len(row.accepted)
    row.note(skew=f"{skew:+} s", extra_starts=extra, rescued=sum(event["kind"] == "rescued" for event in events))
    assert extra == 0
    assert not [event for event in events if event["kind"] == "rescued"]


@on_postgres
@pytest.mark.parametrize("jump", [-HOUR, 25 * HOUR])
@pytest.mark.faults(33, "clocks of all workers jump", **BUILDS)
def test_the_jump_of_the_workers_clocks_makes_nothing_early_or_late(row: Row, clock: Clock, jump: int) -> None:
    row.start_workers(2, **clock.settings)
    row.submit(12)
    until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")
    met = with_a_step(row)
    row.inject("jump")
    since = time.time()
    clock.set(jump)
    row.submit(2)
    assert_kept(row)
    rest = longest_rest(row, met, since)
    row.note(jump=f"{jump // HOUR:+} h", each_moved_in=f"{rest:.1f} s", extra_starts=row.starts() - len(row.accepted))
    assert row.starts() == len(row.accepted)
    assert rest <= 20


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("jump", [-12, 25 * HOUR])
@pytest.mark.timeout(600)
@pytest.mark.faults(33, "clock of the machine jumps", api=False, **BUILDS)
def test_the_jump_of_the_machines_clock_loses_nothing(row: Row, clock: Clock, jump: int) -> None:
    row.start_api(**clock.settings)
    # A report that seems to have been in the making for a day is asked for as seldom as the settings let it be.
    row.start_workers(2, LANDFALL_POLL_CAP_SECONDS="2", **clock.settings)
    # On SQLite the machine's clock is the database's, by which a deadline of twelve hours is over after such a jump.
    row.submit(12, deadline="P7D")
    # What was learned before the jump outweighs the reports that seem to have taken a day: else the next question about
    # each is put up to fifteen minutes off.
    until(lambda: row.stack.sandbox.stats()["whole_downloads"] >= 6, "half of the files")
    row.injected["jump"] += 1
    began = time.monotonic()
    clock.set(jump)
    row.submit(2, deadline="P7D")
    assert_kept(row, seconds=200)
    row.note(jump=f"{jump:+} s", over_in=f"{time.monotonic() - began:.1f} s", starts=row.starts())
