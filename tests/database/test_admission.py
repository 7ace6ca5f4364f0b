"""Checks the throttle: slots are counted from rows, never overrun, never left idle."""

import threading
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, Engine, func, select

from landfall.database import admission, ledger
from landfall.database.connection import open_engine
from landfall.database.tables import exports
from landfall.exports.errors import AnswerLost, ReportLost, RequestRefused, Throttled
from landfall.exports.job import Artifact
from landfall.exports.outcomes import Advanced, Outcome, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.settling import rescue
from landfall.exports.states import SLOT_HOLDING, State
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import NOON, make_job
from worker.settlement import write_hand_back, write_outcome

FILE = Artifact("file:///x.csv", 10, 1, "0" * 64, ("a",), empty=False)


def enqueue(connection: Connection, count: int, **changes: object) -> None:
    for n in range(count):
        ledger.accept(connection, [make_job(**{"id": f"exp_{n:03}", **changes})])


def test_no_more_than_the_limit_is_admitted(connection: Connection) -> None:
    enqueue(connection, 8)
    assert len(admission.admit_next(connection, "shop-bwp")) == 5
    assert admission.admit_next(connection, "shop-bwp") == []


def test_the_queue_goes_by_priority_then_age(connection: Connection) -> None:
    for name, priority, age in (("old", 0, 3), ("young", 0, 1), ("urgent", 9, 0), ("idle", -1, 9)):
        job = make_job(id=name, account="shop-ab", priority=priority, created_at=NOON - timedelta(hours=age))
        ledger.accept(connection, [job])
    assert [job.id for job in admission.admit_next(connection, "shop-ab")] == ["urgent", "old", "young"]


def test_accounts_do_not_wait_for_each_other(connection: Connection) -> None:
    enqueue(connection, 8)
    ledger.accept(connection, [make_job(id="mine", account="shop-ab")])
    admission.admit_next(connection, "shop-bwp")
    assert [job.id for job in admission.admit_next(connection, "shop-ab")] == ["mine"]


def test_a_raised_limit_is_filled_and_a_lowered_one_takes_nobodys_slot(connection: Connection) -> None:
    enqueue(connection, 9)
    admission.admit_next(connection, "shop-bwp")
    admission.register(connection, {"shop-bwp": ("buy_with_prime", 2)})
    assert admission.admit_everywhere(connection) == []
    admission.register(connection, {"shop-bwp": ("buy_with_prime", 7)})
    assert len(admission.admit_everywhere(connection)) == 2


def test_the_slots_of_an_account_can_be_looked_at(connection: Connection) -> None:
    enqueue(connection, 8)
    admission.admit_next(connection, "shop-bwp")
    found = admission.account_slots(connection, ["shop-bwp"])
    assert [(each.name, each.slots_used, each.max_started, each.queued) for each in found] == [("shop-bwp", 5, 5, 3)]


def test_many_admissions_at_once_never_overrun_the_limit(engine: Engine) -> None:
    with engine.begin() as connection:
        enqueue(connection, 30)
    admitted: list[int] = []

    def race() -> None:
        with engine.begin() as connection:
            admitted.append(len(admission.admit_next(connection, "shop-bwp")))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 5


OUTCOMES: tuple[Outcome, ...] = (
    Advanced(to=State.EXPORTING, report_id="r"),
    Advanced(to=State.READY),
    Advanced(to=State.STORED, artifact=FILE),
    outcome_of(ReportLost("gone")),
    outcome_of(Throttled("later")),
    outcome_of(AnswerLost("?")),
    outcome_of(RequestRefused("no")),
)


class Throttle(RuleBasedStateMachine):
    """Any interleaving of accepting, settling, stale settling, handing back and rescuing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.engine = open_engine(Path(), "BEGIN", "PRAGMA synchronous=OFF", size=1)
        self.count = 0

    @initialize()
    def open(self) -> None:
        path = migrated(Path(self.folder.name) / "landfall.db")
        self.engine = open_engine(path, "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1)
        with self.engine.begin() as connection:
            admission.register(connection, LIMITS)

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def _pick(self, connection: Connection, pick: int) -> str | None:
        live = connection.execute(
            select(exports.c.id).where(exports.c.due_at.is_not(None)).order_by(exports.c.id)
        ).scalars()
        ids = list(live)
        return ids[pick % len(ids)] if ids else None

    @rule(count=st.integers(1, 4), account=st.sampled_from(sorted(LIMITS)), priority=st.integers(-1, 1))
    def accept(self, count: int, account: str, priority: int) -> None:
        with self.engine.begin() as connection:
            for _ in range(count):
                self.count += 1
                job = make_job(id=f"exp_{self.count:04}", account=account, priority=priority)
                ledger.accept(connection, [job])
            admission.admit_next(connection, account)

    @precondition(lambda self: self.count)
    @rule(pick=st.integers(0, 999), outcome=st.sampled_from(OUTCOMES), stale=st.booleans(), claim=st.booleans())
    def settle(self, pick: int, outcome: Outcome, stale: bool, claim: bool) -> None:  # noqa: FBT001 - hypothesis draws them
        with self.engine.begin() as connection:
            chosen = self._pick(connection, pick)
            job = ledger.find(connection, chosen) if chosen else None
            if job is None:
                return
            if isinstance(outcome, Advanced) and outcome.to not in _reachable(job.state):
                return
            if claim:
                taken = ledger.take(connection, job.id, job.version, timedelta(seconds=15))
                if taken is None:
                    raise AssertionError("a live step could not be claimed")
                stale_job, job = job, taken.job
                if stale:
                    assert write_outcome(connection, stale_job, outcome, Policy(), seconds=0.0) is None
            assert write_outcome(connection, job, outcome, Policy(), seconds=0.0)
            assert write_outcome(connection, job, outcome, Policy(), seconds=0.0) is None

    @precondition(lambda self: self.count)
    @rule(pick=st.integers(0, 999), crash=st.booleans())
    def lose_the_worker(self, pick: int, crash: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        with self.engine.begin() as connection:
            chosen = self._pick(connection, pick)
            job = ledger.find(connection, chosen) if chosen else None
            if job is None:
                return
            taken = ledger.take(connection, job.id, job.version, timedelta(seconds=15))
            assert taken
            if crash:
                assert ledger.save(connection, taken.job, rescue(taken.job, now=taken.at), at=taken.at)
            else:
                assert write_hand_back(connection, taken.job)

    @invariant()
    def slots_are_full_while_work_waits_and_never_overrun(self) -> None:
        with self.engine.begin() as connection:
            if not self.count:
                return
            for name, (_, limit) in LIMITS.items():
                used = _count(connection, name, *SLOT_HOLDING)
                waiting = _count(connection, name, State.QUEUED)
                assert used <= limit
                assert not waiting or used == limit


def _reachable(state: State) -> set[State]:
    return {
        State.STARTING: {State.EXPORTING, State.READY},
        State.EXPORTING: {State.READY, State.QUEUED},
        State.READY: {State.STORED, State.QUEUED},
    }[state]


def _count(connection: Connection, account: str, *states: State) -> int:
    names = [state.value for state in states]
    query = select(func.count()).where(exports.c.account == account, exports.c.state.in_(names))
    return connection.execute(query).scalar_one()


Throttle.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
TestThrottle = Throttle.TestCase
