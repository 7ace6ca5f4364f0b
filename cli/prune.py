"""Removes stored files that retention no longer keeps, after a dry run has told which."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from cli.failures import WrongInputError
from cli.moments import as_span
from cli.narrowing import OfAccount
from cli.output import answer, remark
from cli.parsing import AsJson
from cli.progress import bytes_progress
from cli.stored_files import StoredFiles, check_account, is_within, stored_files
from cli.tables import print_table
from landfall.database import artifacts
from landfall.database.clock import read_clock
from landfall.exports.retention import Reason, Retention, StoredFile, leaving
from landfall.sizes import size
from landfall.storage.parquet import copy_of
from landfall.vendors.account import Account

_DAY = timedelta(days=1)
_MOST_DAYS = 1e6
_NO_RETENTION = (
    "Nothing to remove: no retention is set. Give --older-than or --keep, "
    "or set retention_days or retention_count for an account in landfall.toml."
)


@dataclass(slots=True)
class _Plan:
    """What becomes of the files of one account."""

    account: str
    retention: Retention
    going: list[tuple[StoredFile, Reason]] = field(default_factory=list)
    kept: int = 0
    elsewhere: int = 0

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file, _ in self.going)

    def note(self, reason: Reason) -> str:
        """Say in the export's timeline why its file went."""
        if reason is Reason.AGE and self.retention.age:
            return f"retention: older than {self.retention.age / _DAY:g} days"
        return f"retention: not among the newest {self.retention.count}"


def prune(
    *,
    account: OfAccount = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="What was stored longer ago, for example 90d, 12h or 8w.")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=0, metavar="N", help="All but the newest N of each account.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which; so it does without --yes, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it nothing is removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove stored files that are too old or too many; without --yes it only tells which.

    Without --older-than and --keep, the settings retention_days and retention_count of each account decide.
    """
    if dry_run and yes:
        raise WrongInputError("--dry-run removes nothing and --yes removes; leave one of both out.")
    typed = Retention(as_span("--older-than", older_than) if older_than else None, keep)
    with stored_files() as home:
        check_account(home, account)
        plans = _plans(home, account, typed)
        if yes:
            _remove(home, plans)
    nothing = "There is no account yet, and no file." if typed.is_bounded else _NO_RETENTION
    _tell(plans, nothing, removed=yes, as_json=as_json)


def _plans(home: StoredFiles, account: str | None, typed: Retention) -> list[_Plan]:
    names = [account] if account else home.read(artifacts.known_accounts)
    bounds = {name: typed if typed.is_bounded else _settled(home.accounts.get(name)) for name in names}
    plans = [_Plan(name, bound) for name, bound in bounds.items() if bound.is_bounded]
    now = home.read(read_clock)
    for plan in plans:
        _decide(home, plan, now)
    return plans


def _settled(account: Account | None) -> Retention:
    if account is None:
        return Retention()
    days = account.retention_days
    return Retention(None if days is None else timedelta(days=min(days, _MOST_DAYS)), account.retention_count)


def _decide(home: StoredFiles, plan: _Plan, now: datetime) -> None:
    files = home.read(lambda connection: artifacts.stored(connection, account=plan.account))
    for file, reason in leaving(files, plan.retention, now=now):
        if reason is None:
            plan.kept += 1
        elif is_within(home.store.url, file.uri):
            plan.going.append((file, reason))
        else:
            plan.elsewhere += 1


def _remove(home: StoredFiles, plans: Sequence[_Plan]) -> None:
    """Remove, then mark: what dies in between is removed and marked by the next run."""
    with bytes_progress(sum(plan.bytes for plan in plans)) as advance:
        for plan in plans:
            for file, reason in plan.going:
                if copy := copy_of(home.store, file.uri):
                    home.store.remove(copy)
                home.store.remove(file.uri)
                _mark(home, file.export_id, plan.note(reason))
                advance(file.bytes)


def _mark(home: StoredFiles, export_id: str, note: str) -> None:
    home.write(lambda connection: artifacts.mark_removed(connection, export_id, note))


def _tell(plans: Sequence[_Plan], nothing: str, *, removed: bool, as_json: bool) -> None:
    count, total = sum(len(plan.going) for plan in plans), sum(plan.bytes for plan in plans)
    if as_json:
        answer(json.dumps({"removed": removed, "accounts": [_as_json(plan) for plan in plans]}))
        return
    if elsewhere := sum(plan.elsewhere for plan in plans):
        remark(f"{elsewhere} files are in another store than LANDFALL_STORAGE_URL names; they are left alone.")
    rows = [(plan.account, len(plan.going), plan.bytes, plan.kept) for plan in plans]
    print_table(("ACCOUNT", "FILES", "BYTES", "KEPT"), rows, none=nothing)
    if not plans:
        return
    if removed:
        remark(f"{count} files, {size(total)}, were removed.")
    else:
        remark(f"{count} files, {size(total)}, would be removed; nothing was. Say --yes to remove them.")


def _as_json(plan: _Plan) -> dict[str, Any]:
    return {
        "account": plan.account,
        "files": len(plan.going),
        "bytes": plan.bytes,
        "kept": plan.kept,
        "elsewhere": plan.elsewhere,
        "items": [
            {
                "id": file.export_id,
                "uri": file.uri,
                "bytes": file.bytes,
                "stored_at": file.stored_at.isoformat(),
                "reason": reason.value,
            }
            for file, reason in plan.going
        ],
    }
