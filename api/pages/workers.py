"""Serves the page of the workers, and of the parts that they need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.auth import Caller, Reader
from api.pages.forms import PageRoute
from api.pages.rendering import page
from api.readiness import Readying
from api.services import Given
from landfall import __version__
from landfall.database import duties, gauges, running_steps
from landfall.database.clock import read_clock
from landfall.database.duties import SWEEP, Hold
from landfall.database.gauges import AccountGauges, Gauges
from landfall.database.running_steps import RunningStep
from landfall.exports.states import State

_MOST_STEPS = 50

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class _Seen:
    now: datetime
    gauges: Gauges
    sweep: Hold | None
    steps: Sequence[RunningStep]


@router.get("/workers")
async def show(request: Request, caller: Reader, given: Given) -> Response:
    """Which workers are alive, what they do, and what is missing."""
    readying: Readying = request.app.state.readying
    seen = await given.database.read(partial(_look, caller=caller))
    found = await readying.get()
    workers = sorted(seen.gauges.workers, key=lambda worker: (not worker.alive, worker.started_at, worker.id))
    return page(
        request,
        "workers.html",
        live=["#figures", "#crew", "#running", "#parts"],
        now=seen.now,
        workers=workers,
        versions=sorted({worker.version for worker in workers if worker.alive} | {__version__}),
        sweeper=seen.sweep.holder if seen.sweep and seen.sweep.left > timedelta() else None,
        steps=seen.steps[:_MOST_STEPS],
        more_steps=len(seen.steps) > _MOST_STEPS,
        queue=_queue([each for each in seen.gauges.accounts if caller.sees(each.name)]),
        # Of every account's news.
        webhooks_waiting=seen.gauges.webhooks_waiting if caller.accounts is None else None,
        webhooks_late=seen.gauges.webhooks_late,
        readiness=found,
        room=readying.room,
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for workers: steps that are due and not taken, and exports in the queue, with the age of the oldest."""

    overdue: int
    oldest_overdue: float
    queued: int
    oldest_queued: float


def _queue(accounts: Sequence[AccountGauges]) -> Queue:
    return Queue(
        sum(each.overdue for each in accounts),
        max((each.oldest_overdue for each in accounts if each.overdue), default=0.0),
        sum(each.live.get(State.QUEUED, 0) for each in accounts),
        max((each.oldest_queued for each in accounts), default=0.0),
    )


def _look(connection: Connection, caller: Caller) -> _Seen:
    return _Seen(
        read_clock(connection),
        gauges.count(connection),
        duties.look(connection, SWEEP),
        running_steps.running(connection, _MOST_STEPS + 1, caller.accounts),
    )
