"""Steers exports: one, or many page by page, each account's in transactions that are short enough for others to get between."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from itertools import groupby

from sqlalchemy import Connection

from api.auth import Caller
from api.finding import find_export
from api.problems import ProblemError
from api.request_span import tell_of
from api.services import Services
from landfall.database import counting, reading
from landfall.database.clock import read_clock
from landfall.database.reading import Filter, Position
from landfall.database.steering import Act, Steered, SteeringRefused
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.tracing import of_export

_PAGE = 500
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with exports, and in which states they can be for it to be done.

    `usual` are the states that are meant where the filter names none. The states are gone through in this order: what
    is queued first, lest a slot that comes free be given to an export that is about to be cancelled. Where exports
    `wander` between these states by themselves, a last look at all of them together finds what a look at each missed.
    `prepare` locks what acts on exports of one account need.
    """

    act: Act
    able: Sequence[State]
    usual: Sequence[State]
    wander: bool = False
    prepare: Callable[[Connection, Sequence[ExportJob]], None] | None = None


@dataclass(slots=True)
class Tally:
    """What became of them."""

    matched: int = 0
    changed: int = 0
    wake: bool = False


async def steer(given: Services, caller: Caller, export_id: str, act: Act) -> ExportJob:
    """Steer the export of this id. Raises ProblemError: 404 where the caller sees none, 409 where its state forbids it."""
    found = await find_export(given, caller, export_id)
    try:
        steered = await given.database.write(lambda connection: act(connection, found))
    except SteeringRefused as refused:
        raise ProblemError(HTTPStatus.CONFLICT, str(refused), members={"state": refused.job.state}) from None
    if steered.wake:
        given.wake_a_worker()
    tell_of(steered.job)
    _tell_of_end(steered)
    return steered.job


async def count(given: Services, wanted: Filter, plan: Plan, *, spared: Collection[str] = ()) -> Counter[State]:
    """How many exports the filter lets through, by state, but for those that are spared."""
    if not spared:
        meant = replace(wanted, states=wanted.states or plan.usual)
        return await given.database.read(partial(counting.by_state, wanted=meant))
    found: Counter[State] = Counter()
    for state in wanted.states or plan.usual:
        async for page in _pages(given, replace(wanted, states=[state])):
            found.update(job.state for job in page if job.id not in spared)
    return found


async def carry_out(given: Services, wanted: Filter, plan: Plan, *, spared: Collection[str] = ()) -> Tally:
    """Steer the exports that the filter lets through, but for those that are spared."""
    tally = Tally()
    began = await given.database.glance(read_clock)
    meant = sorted(wanted.states or plan.usual, key=[*plan.able, *State].index)
    looks = [replace(wanted, states=[state]) for state in meant]
    able = [state for state in meant if state in plan.able]
    if plan.wander and len(able) > 1:
        looks.append(replace(wanted, states=able, until=min(began, wanted.until or began)))
    for look in looks:
        async for page in _pages(given, look):
            jobs = [job for job in page if job.id not in spared]
            tally.matched += len(jobs)
            if look.states[0] in plan.able:
                await _steer(given, jobs, plan, tally)
    if tally.wake:
        given.wake_a_worker()
    return tally


async def _steer(given: Services, jobs: Sequence[ExportJob], plan: Plan, tally: Tally) -> None:
    def place(job: ExportJob) -> tuple[str, str]:
        return job.account, job.id

    # In one order, lest two who steer the same wait for each other.
    for _, group in groupby(sorted(jobs, key=place), key=lambda job: job.account):
        of_account = list(group)
        for start in range(0, len(of_account), _AT_ONCE):
            some = of_account[start : start + _AT_ONCE]
            steered = await given.database.write(partial(_each, plan=plan, jobs=some))
            for each in steered:
                _tell_of_end(each)
            tally.changed += sum(each.changed for each in steered)
            tally.wake = tally.wake or any(each.wake for each in steered)


def _tell_of_end(steered: Steered) -> None:
    if steered.changed:
        of_export.ended(steered.job)


def _each(connection: Connection, plan: Plan, jobs: Sequence[ExportJob]) -> list[Steered]:
    if plan.prepare:
        plan.prepare(connection, jobs)
    return [steered for job in jobs if (steered := _one(connection, plan.act, job))]


def _one(connection: Connection, act: Act, job: ExportJob) -> Steered | None:
    try:
        return act(connection, job)
    except SteeringRefused:
        return None  # it has moved on since it was looked for


async def _pages(given: Services, wanted: Filter) -> AsyncIterator[list[ExportJob]]:
    after: Position | None = None
    while True:
        page = await given.database.read(partial(reading.page, wanted=wanted, after=after, limit=_PAGE))
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = Position(page[-1].created_at, page[-1].id)
