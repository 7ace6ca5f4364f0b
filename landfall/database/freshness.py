"""Keeps how far the stored files of each kind reach, and how old the settings let that become."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, true, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from landfall.database.clock import UtcDateTime, utc_now
from landfall.database.tables import accounts, exports, freshness, orphans
from landfall.database.upsert import insert_missing
from landfall.exports.coverage import covered_until
from landfall.exports.fingerprint import fingerprint
from landfall.exports.job import ExportJob


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh an account's files of one kind are: `age` and `target` in seconds, `age` by the database's clock.

    Until the first file is stored only the target is known; `target` is None where the settings name none.
    """

    account: str
    vendor: str
    report_type: str
    window_end: datetime | None
    stored_at: datetime | None
    export_id: str | None
    age: float | None
    target: float | None

    @property
    def met(self) -> bool | None:
        """Whether the files are as fresh as they shall be; None without a target."""
        if self.target is None:
            return None
        return self.age is not None and self.age <= self.target


def register(connection: Connection, targets: Mapping[str, Mapping[str, float]]) -> None:
    """Make these the only targets, in seconds, by account and report type."""
    wanted = {(account, kind): seconds for account, kinds in targets.items() for kind, seconds in kinds.items()}
    known = {(row.account, row.report_type): row.target_seconds for row in connection.execute(_TARGETS)}
    # In one order, lest two processes wait for each other.
    for account, kind in sorted(wanted.keys() | known.keys()):
        seconds = wanted.get((account, kind))
        if seconds != known.get((account, kind)):
            _aim(connection, account, kind, seconds)
    connection.execute(_DROP_EMPTY)


def note_stored(connection: Connection, job: ExportJob, *, now: datetime) -> None:
    """Take in that the export is stored. One that reaches no further than another before it changes nothing."""
    if (until := covered_until(job)) is None:
        return
    values = {
        "of_account": job.account,
        "of_type": job.report_type,
        "until": until,
        "now": now,
        "by": job.id,
        "asked": fingerprint(job.request),
        "report": job.report_id,
    }
    connection.execute(_NOTE[connection.dialect.name], values)


def standings(connection: Connection, names: Iterable[str] | None = None) -> list[Freshness]:
    """How fresh the files of these accounts are, or of all, by account and report type."""
    query = _STANDINGS if names is None else _STANDINGS.where(freshness.c.account.in_(list(names)))
    return [
        Freshness(
            account=row.account,
            vendor=row.vendor,
            report_type=row.report_type,
            window_end=row.window_end,
            stored_at=row.stored_at,
            export_id=row.export_id,
            age=max(0.0, (row.now - row.window_end).total_seconds()) if row.window_end else None,
            target=row.target_seconds,
        )
        for row in connection.execute(query)
    ]


_TARGETS = select(freshness).where(freshness.c.target_seconds.is_not(None))
_DROP_EMPTY = delete(freshness).where(freshness.c.target_seconds.is_(None), freshness.c.window_end.is_(None))
_STANDINGS = (
    select(freshness, accounts.c.vendor, utc_now().label("now"))
    .join(accounts, accounts.c.name == freshness.c.account)
    .order_by(freshness.c.account, freshness.c.report_type)
)


def _aim(connection: Connection, account: str, kind: str, seconds: float | None) -> None:
    key = {"account": account, "report_type": kind}
    if not insert_missing(connection, freshness, {**key, "target_seconds": seconds}):
        row = (freshness.c.account == account, freshness.c.report_type == kind)
        connection.execute(update(freshness).where(*row).values(target_seconds=seconds))


def _noting(dialect: ModuleType) -> Any:  # noqa: ANN401 - each dialect has an insert of its own
    # An export may have adopted a report that another one ordered, long before it started itself.
    of_report = (
        orphans.c.account == bindparam("of_account"),
        orphans.c.order_hash == bindparam("asked"),
        orphans.c.report_id == bindparam("report"),
    )
    adopted = select(exports.c.created_at).join(orphans, orphans.c.export_id == exports.c.id).where(*of_report)
    moments = union_all(select(bindparam("until", type_=UtcDateTime()).label("moment")), adopted).subquery()
    values = {
        "account": bindparam("of_account", type_=freshness.c.account.type),
        "report_type": bindparam("of_type", type_=freshness.c.report_type.type),
        "window_end": func.min(moments.c.moment),
        "stored_at": bindparam("now", type_=UtcDateTime()),
        "export_id": bindparam("by", type_=freshness.c.export_id.type),
    }
    # SQLite takes ON CONFLICT for a join's condition where the SELECT ends without a WHERE.
    found = select(*values.values()).select_from(moments).where(true())
    new = dialect.insert(freshness).from_select(list(values), found)
    is_newer = freshness.c.window_end.is_(None) | (freshness.c.window_end < new.excluded.window_end)
    return new.on_conflict_do_update(
        index_elements=[freshness.c.account, freshness.c.report_type],
        set_={name: new.excluded[name] for name in ("window_end", "stored_at", "export_id")},
        where=is_newer,
    )


_NOTE = {"postgresql": _noting(postgresql), "sqlite": _noting(sqlite)}
