"""Serves the first page: how everything stands, and how it went lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.auth import Caller, Reader
from api.pages.attention import matters
from api.pages.forms import PageRoute
from api.pages.rendering import page
from api.services import Given
from landfall.database import accounts, freshness, gauges, history, reading
from landfall.database.accounts import AccountSlots
from landfall.database.clock import read_clock
from landfall.database.freshness import Freshness
from landfall.database.gauges import Gauges
from landfall.database.history import HourOfWork
from landfall.database.reading import Filter
from landfall.exports.job import ExportJob
from landfall.exports.states import TERMINAL, State

_LIVE = [state for state in State if state not in TERMINAL]
_LAST_FAILURES = 6

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Range(StrEnum):
    """How far back the plot goes."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def length(self) -> timedelta:
        """The same as a length of time."""
        return {Range.DAY: timedelta(days=1), Range.WEEK: timedelta(days=7), Range.MONTH: timedelta(days=30)}[self]

    @property
    def step(self) -> timedelta:
        """What one bar of the plot stands for."""
        return timedelta(days=1) if self is Range.MONTH else timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """What ended in one stretch of time."""

    at: datetime
    stored: int = 0
    failed: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    now: datetime
    gauges: Gauges
    accounts: Sequence[AccountSlots]
    hours: Sequence[HourOfWork]
    failures: Sequence[ExportJob]
    fresh: Sequence[Freshness]


@router.get("/")
async def overview(
    request: Request, caller: Reader, given: Given, span: Annotated[Range, Query(alias="range")] = Range.DAY
) -> Response:
    """How everything stands."""
    names = list(filter(caller.sees, given.accounts))
    seen = await given.database.read(partial(_look, caller=caller, names=names, span=span))
    mine = [each for each in seen.gauges.accounts if each.name in names]
    missing = [each for each in seen.gauges.accounts if each.name not in given.accounts and caller.sees(each.name)]
    return page(
        request,
        "overview.html",
        live=["#matters", "#counts", "#work", "#accounts", "#failures"],
        now=seen.now,
        span=span,
        spans=list(Range),
        matters=matters(seen.gauges, seen.fresh, mine, missing=missing, of_all=caller.accounts is None),
        live_counts={state: sum(each.live.get(state, 0) for each in mine) for state in _LIVE},
        oldest_queued=max((each.oldest_queued for each in mine), default=0.0),
        bars=bars(seen.hours, seen.now, span),
        accounts=seen.accounts,
        failures=seen.failures,
        workers=sum(worker.alive for worker in seen.gauges.workers),
        running=sum(worker.running for worker in seen.gauges.workers if worker.alive),
    )


def bars(hours: Sequence[HourOfWork], now: datetime, span: Range) -> list[Bar]:
    """One bar for each step of the span, oldest first, empty ones too."""
    step = span.step
    last = now.replace(minute=0, second=0, microsecond=0)
    if span is Range.MONTH:
        last = last.replace(hour=0)
    first = last - span.length + step
    found = {first + step * number: [0, 0, 0] for number in range(span.length // step)}
    for each in hours:
        at = each.hour if step < timedelta(days=1) else each.hour.replace(hour=0)
        if at in found:
            sums = found[at]
            found[at] = [sums[0] + each.stored, sums[1] + each.failed, sums[2] + each.cancelled]
    return [Bar(at, *counts) for at, counts in found.items()]


def _look(connection: Connection, caller: Caller, names: Sequence[str], span: Range) -> _Seen:
    now = read_clock(connection)
    return _Seen(
        now,
        gauges.count(connection),
        accounts.stand(connection, names),
        history.throughput(connection, since=now - span.length - span.step, accounts=caller.accounts),
        reading.page(connection, Filter(states=[State.FAILED], within=caller.accounts), None, _LAST_FAILURES),
        freshness.standings(connection, names),
    )
