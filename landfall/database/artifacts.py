"""Reads which files the stored exports have, and writes down which of them retention removed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from landfall.database import ledger
from landfall.database.clock import read_clock
from landfall.database.tables import accounts, exports, is_kept
from landfall.exports.retention import StoredFile
from landfall.exports.settling import Event
from landfall.exports.states import State

_COLUMNS = (
    exports.c.id,
    exports.c.account,
    exports.c.finished_at,
    exports.c.file_uri,
    exports.c.file_bytes,
    exports.c.file_rows,
    exports.c.file_sha256,
)


def stored(
    connection: Connection, *, account: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[StoredFile]:
    """The files that are still kept, newest first, of exports created from `since` on and before `until`."""
    query = select(*_COLUMNS).where(is_kept, exports.c.state == State.STORED.value)
    if account is not None:
        query = query.where(exports.c.account == account)
    if since is not None:
        query = query.where(exports.c.created_at >= since)
    if until is not None:
        query = query.where(exports.c.created_at < until)
    rows = connection.execute(query.order_by(exports.c.finished_at.desc(), exports.c.id.desc()))
    return [StoredFile(*row) for row in rows]


def known_accounts(connection: Connection) -> Sequence[str]:
    """The names of all accounts that ever were in the settings."""
    return connection.execute(select(accounts.c.name).order_by(accounts.c.name)).scalars().all()


def mark_removed(connection: Connection, export_id: str, note: str) -> bool:
    """Write down that the file is gone, and the event that tells of it; False where that was done before."""
    now = read_clock(connection)
    marked = connection.execute(
        update(exports)
        .where(exports.c.id == export_id, is_kept, exports.c.state == State.STORED.value)
        .values(file_removed_at=now)
    )
    job = ledger.find(connection, export_id)
    if not marked.rowcount or job is None:
        return False
    ledger.note(connection, job, Event("pruned", None, job.attempts, note=note), at=now)
    return True
