"""Serves the page of the accounts: their slots and queues, what keeps them from being used, how fresh their files are."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from api import pausing
from api.auth import Admin, Reader
from api.pages.forms import PageRoute, Sent
from api.pages.rendering import page
from api.services import Given
from landfall.database import account_details, accounts, gauges
from landfall.database.account_details import AccountDetails
from landfall.database.accounts import AccountSlots
from landfall.database.clock import read_clock
from landfall.database.gauges import AccountGauges
from landfall.database.history import HourOfPhase

# So many are a page: it is written anew for everybody who looks on whenever something happens.
MOST_SHOWN = 20
_HOUR = timedelta(hours=1)

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Range(StrEnum):
    """How far back the plots go."""

    DAY = "24h"
    WEEK = "7d"

    @property
    def length(self) -> timedelta:
        """The same as a length of time."""
        return timedelta(days=1) if self is Range.DAY else timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Landings:
    """How long exports took that landed within the hour which began then, in seconds; None where none did."""

    hour: datetime
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    now: datetime
    accounts: Sequence[AccountSlots]
    details: Mapping[str, AccountDetails]
    gauges: Sequence[AccountGauges]


@router.get("/accounts")
async def show(
    request: Request,
    caller: Reader,
    given: Given,
    span: Annotated[Range, Query(alias="range")] = Range.DAY,
    name: str = "",
) -> Response:
    """How the accounts stand: the first of them, or those among which the one of this name is."""
    names = sorted(filter(caller.sees, given.accounts))
    shown = beside(name, names)
    seen = await given.database.read(partial(_look, names=shown, span=span))
    return page(
        request,
        "accounts.html",
        live=[*(f"#now-{each.name}" for each in seen.accounts), "#freshness"],
        now=seen.now,
        span=span,
        spans=list(Range),
        of=shown[0] if len(names) > len(shown) else "",
        pages=[
            (some[0], some[-1]) for some in (names[at : at + MOST_SHOWN] for at in range(0, len(names), MOST_SHOWN))
        ],
        accounts=seen.accounts,
        details=seen.details,
        of_account={each.name: each for each in seen.gauges},
        plots={name: plotted(each.landings, seen.now, span) for name, each in seen.details.items()},
        left=[each for each in seen.gauges if each.name not in given.accounts and caller.sees(each.name)],
    )


@router.post("/accounts/{name}/pause")
async def pause(name: str, caller: Admin, given: Given, _form: Sent) -> Response:
    """Have nothing started for the account."""
    await pausing.pause(given, caller, name)
    return _back_to(name)


@router.post("/accounts/{name}/resume")
async def resume(name: str, caller: Admin, given: Given, _form: Sent) -> Response:
    """Have its exports started again."""
    await pausing.resume(given, caller, name)
    return _back_to(name)


def beside(name: str, names: Sequence[str]) -> Sequence[str]:
    """The names of the page on which this one is or would be; `names` are sorted."""
    begin = max(0, bisect_right(names, name) - 1) // MOST_SHOWN * MOST_SHOWN
    return names[begin : begin + MOST_SHOWN]


def plotted(found: Sequence[HourOfPhase], now: datetime, span: Range) -> list[Landings]:
    """One for each hour of the span, oldest first; none at all where nothing landed."""
    last = now.replace(minute=0, second=0, microsecond=0)
    by_hour = {each.hour: Landings(each.hour, each.p50, each.p95) for each in found}
    hours = [last - _HOUR * number for number in reversed(range(span.length // _HOUR))]
    return [by_hour.get(hour, Landings(hour)) for hour in hours] if by_hour.keys() & set(hours) else []


def _look(connection: Connection, names: Sequence[str], span: Range) -> _Seen:
    now = read_clock(connection)
    standing = accounts.stand(connection, names)
    gather = partial(account_details.gather, connection, now=now, since=now - span.length + _HOUR)
    return _Seen(now, standing, {each.name: gather(each) for each in standing}, gauges.count(connection).accounts)


def _back_to(name: str) -> Response:
    return RedirectResponse(f"/accounts?name={name}#account-{name}", HTTPStatus.SEE_OTHER)
