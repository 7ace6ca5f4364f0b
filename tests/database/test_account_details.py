"""Promises of what is gathered of an account beside how it stands, on both databases."""

from datetime import timedelta

from sqlalchemy import Connection, insert

from landfall.database import account_details, accounts, build_times, ledger, running_steps
from landfall.database.account_details import AccountDetails
from landfall.database.clock import read_clock
from landfall.database.tally_tables import export_hours
from landfall.exports.states import State, Step
from tests.exports.jobs import make_job

ACCOUNT, OTHER = "shop-bwp", "shop-ab"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def known(connection: Connection, name: str = ACCOUNT) -> AccountDetails:
    now = read_clock(connection)
    (standing,) = accounts.stand(connection, [name])
    return account_details.gather(connection, standing, now=now, since=now - HOUR)


def test_of_an_account_that_nothing_was_asked_of_nothing_is_known(connection: Connection) -> None:
    assert known(connection) == AccountDetails([], [], [], 0, 0, [])


def test_the_holders_are_the_exports_with_a_slot_longest_first_and_what_they_build(connection: Connection) -> None:
    now = read_clock(connection)
    states = (State.STARTING, State.EXPORTING, State.EXPORTING, State.READY, State.QUEUED)
    jobs = [
        make_job(id=f"exp_{n}", request_hash=f"{n}", state=state, started_at=n * -MINUTE + now if n else None)
        for n, state in enumerate(states)
    ]
    ledger.accept(connection, [*jobs, make_job(id="exp_other", account=OTHER, state=State.EXPORTING)])
    found = [(each.id, each.state, each.report_type) for each in known(connection).holders]
    kind = "USER_EVENTS"
    assert found == [("exp_2", "exporting", kind), ("exp_1", "exporting", kind), ("exp_0", "starting", kind)]


def test_tenants_are_those_with_most_in_the_queue(connection: Connection) -> None:
    tenants = ["busy"] * 3 + ["calm"] + [""] * 2 + [f"t{n}" for n in range(9)]
    jobs = [make_job(id=f"exp_{n}", request_hash=f"{n}", tenant=tenant) for n, tenant in enumerate(tenants)]
    ledger.accept(connection, [*jobs, make_job(id="exp_started", tenant="busy", state=State.EXPORTING)])
    found = known(connection).tenants
    assert found == [("busy", 3), ("", 2), ("calm", 1), ("t0", 1), ("t1", 1), ("t2", 1)]


def test_build_times_are_told_by_report_type_once_there_are_enough(connection: Connection) -> None:
    now = read_clock(connection)
    for kind, count in (("USER_EVENTS", 5), ("RARE", 2)):
        built = make_job(report_type=kind, started_at=now - 4 * MINUTE, polled_at=now - 4 * MINUTE)
        for _ in range(count):
            build_times.record(connection, built, 240.0, now=now)
    rare, usual = known(connection).builds
    assert (rare.report_type, rare.reports, rare.usual) == ("RARE", 2, None)
    assert usual.usual is not None
    assert (usual.reports, usual.usual.median, usual.usual.mostly) == (5, 240.0, 240.0)
    assert known(connection, OTHER).builds == []


def test_polls_and_stored_exports_are_those_of_the_account_since_then(connection: Connection) -> None:
    now = read_clock(connection)
    counts = {column.name: 0 for column in export_hours.c if column.name not in export_hours.primary_key.columns}
    for account, at, polls in ((ACCOUNT, now, 7), (ACCOUNT, now - 5 * HOUR, 100), (OTHER, now, 1000)):
        key = {"hour": at, "account": account, "vendor": "any", "report_type": "any"}
        connection.execute(insert(export_hours).values(**{**counts, **key, "polls": polls, "stored": 2}))
    found = known(connection)
    assert (found.polls, found.stored) == (7, 2)


def test_a_step_runs_while_its_lease_does(connection: Connection) -> None:
    now = read_clock(connection)
    leased = {"leased": True, "attempts": 2}
    jobs = [
        make_job(id="exp_start", state=State.STARTING, due_at=now + MINUTE, **leased),
        make_job(id="exp_download", account=OTHER, state=State.READY, due_at=now + 2 * MINUTE, **leased),
        make_job(id="exp_lapsed", state=State.READY, due_at=now - MINUTE, **leased),
        make_job(id="exp_poll", state=State.EXPORTING, due_at=now + MINUTE),
    ]
    ledger.accept(connection, [job for job in jobs if job.account == ACCOUNT])
    ledger.accept(connection, [job for job in jobs if job.account == OTHER])
    found = running_steps.running(connection, 10)
    assert [(each.export_id, each.step, each.attempt) for each in found] == [
        ("exp_start", Step.START, 2),
        ("exp_download", Step.DOWNLOAD, 2),
    ]
    assert [each.export_id for each in running_steps.running(connection, 10, {OTHER})] == ["exp_download"]
    assert running_steps.running(connection, 10, set()) == []
    assert len(running_steps.running(connection, 1)) == 1
