"""Keeps the columns of the last stored file of each kind, so that a change is noticed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from landfall.database.rows import columns_of
from landfall.database.tables import headers
from landfall.exports.job import Artifact, ExportJob

_KIND = (headers.c.account == bindparam("owner")) & (headers.c.report_type == bindparam("kind"))
_LAST = select(headers.c.header_hash, headers.c.columns).where(_KIND)
_UPDATE = update(headers).where(_KIND)
_INSERT = insert(headers)


def last(connection: Connection, job: ExportJob) -> tuple[str, Sequence[str]] | None:
    """The hash of the header of the last file of the export's kind, and its columns."""
    row = connection.execute(_LAST, {"owner": job.account, "kind": job.report_type}).one_or_none()
    return (row.header_hash, row.columns) if row else None


def keep(connection: Connection, job: ExportJob, artifact: Artifact, *, now: datetime) -> None:
    """Make the artifact's columns the last ones. The account is locked, so nobody else does the same."""
    values = {
        "header_hash": artifact.header_hash,
        "columns": columns_of(artifact),
        "export_id": job.id,
        "at": now,
    }
    if not connection.execute(_UPDATE, {"owner": job.account, "kind": job.report_type, **values}).rowcount:
        connection.execute(_INSERT, {"account": job.account, "report_type": job.report_type, **values})
