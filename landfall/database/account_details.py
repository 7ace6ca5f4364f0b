"""Gathers what an operator wants to know of an account: who has its slots, who waits, how long its reports take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from landfall.database import build_times, explaining, history
from landfall.database.accounts import AccountSlots
from landfall.database.history import HourOfPhase
from landfall.database.tables import exports, is_queued
from landfall.database.tally_tables import export_hours
from landfall.exports.circumstances import Holder
from landfall.exports.expecting import Usual, usual

_MOST_TENANTS = 6
_TENANTS = (
    select(exports.c.tenant, func.count().label("number"))
    .where(exports.c.account == bindparam("account"), is_queued)
    .group_by(exports.c.tenant)
    .order_by(func.count().desc(), exports.c.tenant)
    .limit(_MOST_TENANTS)
)
_POLLS = select(
    func.coalesce(func.sum(export_hours.c.polls), 0), func.coalesce(func.sum(export_hours.c.stored), 0)
).where(export_hours.c.account == bindparam("account"), export_hours.c.hour >= bindparam("since"))


@dataclass(frozen=True, slots=True)
class Builds:
    """How long the account's reports of a kind build; `usual` is None where they are too few to tell."""

    report_type: str
    reports: int
    usual: Usual | None


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """What is known of an account beside how it stands.

    `tenants` are those with most exports in the queue, and how many; `polls` and `stored` are counts since the moment
    that was asked for, `landings` how long exports took in each hour since, from their acceptance to the stored file.
    """

    holders: Sequence[Holder]
    tenants: Sequence[tuple[str, int]]
    builds: Sequence[Builds]
    polls: int
    stored: int
    landings: Sequence[HourOfPhase]


def gather(connection: Connection, account: AccountSlots, *, now: datetime, since: datetime) -> AccountDetails:
    """What is known of the account now, and what happened since."""
    of_account = {"account": account.name}
    tenants = connection.execute(_TENANTS, of_account).all() if account.queued else []
    polls, stored = connection.execute(_POLLS, of_account | {"since": since}).one()
    return AccountDetails(
        holders=explaining.holders(connection, account.name, now) if account.slots_used else [],
        tenants=[(row.tenant, row.number) for row in tenants],
        builds=[_builds(connection, account.name, kind) for kind in build_times.kinds(connection, account.name)],
        polls=int(polls),
        stored=int(stored),
        landings=history.latency(connection, since=since, accounts=None, account=account.name, phase="landing"),
    )


def _builds(connection: Connection, account: str, kind: str) -> Builds:
    sightings = build_times.recent(connection, account, kind)
    return Builds(kind, len(sightings), usual(sightings))
