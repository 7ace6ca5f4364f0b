"""Checks the throttle against a model of the vendor, under any interleaving of what can happen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, Engine, func, select, update

from landfall.database import accounts, admission, ledger, orphans, steering
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.sqlite import open_engine
from landfall.database.steering import write_cancel, write_retry
from landfall.exports.errors import AnswerLost, ReportLost, RequestRefused, Throttled
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.outcomes import Advanced, Waiting, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.states import State, Step
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import make_job
from worker.queue import Message
from worker.settlement import write_hand_back, write_outcome, write_rescue
from worker.taking import take

FILE = Artifact("file:///x.csv", 10, 1, "0" * 64, ("a",), empty=False)
ACCOUNT = "shop-bwp"
SLOTS = LIMITS[ACCOUNT].max_started
POLICY = Policy(lost_start_seconds=3600.0)
LEASE = timedelta(seconds=15)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
picks = st.integers(0, 999)


class Vendor:
    """Knows what was started, by whom, and whether it is still building."""

    def __init__(self) -> None:
        self.building: dict[str, str] = {}
        self.count = 0

    def start(self, export_id: str) -> str | None:
        if len(self.building) >= SLOTS:
            return None
        self.count += 1
        self.building[f"r{self.count}"] = export_id
        return f"r{self.count}"

    def finish_all_of(self, export_id: str) -> None:
        self.building = {report: owner for report, owner in self.building.items() if owner != export_id}


class Throttle(RuleBasedStateMachine):
    """Accepting, starting, losing answers, throttling, finishing, cancelling, retrying, pausing, crashing, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.vendor = Vendor()
        self.count = 0
        self.refused = 0
        self.admitted_before_the_pause: int | None = None

    @initialize()
    def open(self) -> None:
        self.engine = self.empty_database()
        with self.engine.begin() as connection:
            accounts.register(connection, LIMITS)

    def empty_database(self) -> Engine:
        path = migrated(Path(self.folder.name) / "landfall.db")
        return open_engine(path, "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()
        self.folder.cleanup()

    def _pick(self, connection: Connection, pick: int, *states: State) -> ExportJob | None:
        wanted = t.exports.c.state.in_([state.value for state in states])
        ids = list(connection.execute(select(t.exports.c.id).where(wanted).order_by(t.exports.c.id)).scalars())
        return ledger.find(connection, ids[pick % len(ids)]) if ids else None

    def _take(self, connection: Connection, job: ExportJob, step: Step) -> ExportJob | None:
        """The claimed export, None where the step came to something without the vendor."""
        taken = take(connection, Message(step, job.account, job.id, job.version), LEASE)
        assert taken
        if taken.outcome:
            assert write_outcome(connection, taken.job, taken.outcome, POLICY, seconds=0.0)
            return None
        return taken.job

    @rule(count=st.integers(1, 4), priority=st.integers(-1, 1), tenant=st.sampled_from(["", "a", "b"]))
    def accept(self, count: int, priority: int, tenant: str) -> None:
        with self.engine.begin() as connection:
            for _ in range(count):
                self.count += 1
                request = {"n": self.count % 5}
                job = make_job(id=f"exp_{self.count:04}", priority=priority, tenant=tenant, request=request)
                ledger.accept(connection, [job])
            admission.admit_next(connection, ACCOUNT)

    @precondition(lambda self: self.count)
    @rule(pick=picks, end=st.sampled_from(["answered", "lost", "crashed", "late", "refused", "handed back", "foreign"]))
    def start(self, pick: int, end: str) -> None:
        with self.engine.begin() as connection:
            job = self._pick(connection, pick, State.STARTING)
            claimed = self._take(connection, job, Step.START) if job else None
            if claimed is None:
                return
            if end == "handed back":
                assert write_hand_back(connection, claimed)
                return
            if end in {"refused", "foreign"}:
                error = RequestRefused("no") if end == "refused" else Throttled("somebody else")
                assert write_outcome(connection, claimed, outcome_of(error), POLICY, seconds=0.0)
                return
            report = self.vendor.start(claimed.id)
            assert report, "the vendor was asked for more than it takes"
            self._end_start(connection, claimed, report, end)

    def _end_start(self, connection: Connection, claimed: ExportJob, report: str, end: str) -> None:
        told = Advanced(to=State.EXPORTING, report_id=report)
        if end == "answered":
            assert write_outcome(connection, claimed, told, POLICY, seconds=0.0)
        elif end == "lost":
            assert write_outcome(connection, claimed, outcome_of(AnswerLost("?")), POLICY, seconds=0.0)
        else:
            connection.execute(update(t.exports).where(t.exports.c.id == claimed.id).values(due_at=PAST))
            assert write_rescue(connection, claimed, POLICY, LEASE)
        if end == "late":
            assert write_outcome(connection, claimed, told, POLICY, seconds=0.0) is None

    @precondition(lambda self: self.count)
    @rule(pick=picks, lost=st.booleans())
    def poll(self, pick: int, lost: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        with self.engine.begin() as connection:
            job = self._pick(connection, pick, State.EXPORTING)
            taken = self._take(connection, job, Step.POLL) if job else None
            if taken is None or taken.report_id is None:
                return
            building = taken.report_id in self.vendor.building
            done = outcome_of(ReportLost("it failed")) if lost else Advanced(to=State.READY)
            assert write_outcome(connection, taken, Waiting() if building else done, POLICY, seconds=0.0)

    @precondition(lambda self: self.count)
    @rule(pick=picks, gone=st.booleans())
    def download(self, pick: int, gone: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        with self.engine.begin() as connection:
            job = self._pick(connection, pick, State.READY)
            taken = self._take(connection, job, Step.DOWNLOAD) if job else None
            if taken:
                done = outcome_of(ReportLost("gone")) if gone else Advanced(to=State.STORED, artifact=FILE)
                assert write_outcome(connection, taken, done, POLICY, seconds=0.0)

    # No precondition: what the vendor builds hangs on when a block has lapsed, and one example is to draw the same again.
    @rule(pick=picks)
    def finish(self, pick: int) -> None:
        if reports := sorted(self.vendor.building):
            del self.vendor.building[reports[pick % len(reports)]]

    @precondition(lambda self: self.count)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        with self.engine.begin() as connection:
            job = self._pick(connection, pick, State.QUEUED, State.STARTING, State.EXPORTING, State.READY)
            if job:
                assert write_cancel(connection, job, POLICY)

    @precondition(lambda self: self.count)
    @rule(pick=picks, from_start=st.booleans())
    def retry(self, pick: int, from_start: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        with self.engine.begin() as connection:
            job = self._pick(connection, pick, State.FAILED, State.CANCELLED)
            if job:
                assert write_retry(connection, job, from_start=from_start)

    @rule()
    def pause(self) -> None:
        with self.engine.begin() as connection:
            if steering.pause(connection, ACCOUNT, "anna"):
                self.admitted_before_the_pause = self._admitted(connection)

    @rule()
    def resume(self) -> None:
        self.admitted_before_the_pause = None
        with self.engine.begin() as connection:
            steering.resume(connection, ACCOUNT)

    def _admitted(self, connection: Connection) -> int:
        query = select(func.count()).where(t.events.c.kind == "admit")
        return int(connection.execute(query).scalar_one())

    @precondition(lambda self: self.count)
    @rule(pick=picks)
    def poll_an_orphan(self, pick: int) -> None:
        with self.engine.begin() as connection:
            found = orphans.find_due(connection, 100)
            orphan = found[pick % len(found)] if found else None
            if orphan and orphan.report_id not in self.vendor.building:
                assert orphans.end(connection, orphan, now=read_clock(connection), built=pick % 2 == 0)
                admission.admit_next(connection, ACCOUNT)

    @precondition(lambda self: self.count)
    @rule()
    def let_the_safety_time_pass(self) -> None:
        """The safety time outlasts every build: what was started and lost has ended by then."""
        with self.engine.begin() as connection:
            unnamed = t.orphans.c.report_id.is_(None)
            for owner in connection.execute(select(t.orphans.c.export_id).where(unnamed)).scalars().all():
                known = select(t.orphans.c.report_id).where(t.orphans.c.export_id == owner)
                named = set(connection.execute(known).scalars())
                kept = select(t.exports.c.report_id).where(t.exports.c.id == owner)
                named.add(connection.execute(kept).scalar())
                lost = [r for r, o in self.vendor.building.items() if o == owner and r not in named]
                for report in lost:
                    del self.vendor.building[report]
            connection.execute(update(t.orphans).where(unnamed).values(held_until=PAST))
            admission.admit_next(connection, ACCOUNT)

    @precondition(lambda self: self.count)
    @rule()
    def let_blocks_pass(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(t.accounts).values(blocked_until=PAST, open_until=PAST))
            admission.admit_next(connection, ACCOUNT)

    @invariant()
    def the_vendor_never_builds_more_than_it_takes(self) -> None:
        assert len(self.vendor.building) <= SLOTS

    @precondition(lambda self: self.admitted_before_the_pause is not None)
    @invariant()
    def nothing_is_admitted_while_the_account_is_paused(self) -> None:
        with self.engine.begin() as connection:
            assert self._admitted(connection) == self.admitted_before_the_pause
            assert ACCOUNT not in admission.accounts_with_room(connection)

    @invariant()
    def slots_are_counted_and_none_is_idle_while_work_waits(self) -> None:
        if not self.count:
            return
        with self.engine.begin() as connection:
            used = accounts.slots_used(connection, ACCOUNT)
            throttle, _ = accounts.lock(connection, ACCOUNT)
            query = select(func.count()).where(t.exports.c.account == ACCOUNT, t.is_queued)
            waiting = connection.execute(query).scalar_one()
            now = read_clock(connection)
            # A block that ended a moment ago is the sweeper's to notice.
            lapsed = throttle.blocked_until is not None and ACCOUNT in admission.accounts_with_room(connection)
        assert len(self.vendor.building) <= used
        closed = bool(throttle.closed_until(now) or throttle.reason or throttle.paused_at or lapsed)
        assert not waiting or closed or used >= throttle.slots
        assert 1 <= throttle.slots <= SLOTS


Throttle.TestCase.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
TestThrottle = Throttle.TestCase
