"""Spoils every process that starts with this folder on PYTHONPATH: the slot of a start whose answer was lost is not held."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from landfall.database import orphans
from landfall.exports.job import ExportJob

_record = orphans.record


def forget_the_unknown(
    connection: Connection, job: ExportJob, report_id: str | None, *, now: datetime, hold: timedelta
) -> None:
    if report_id is not None:
        _record(connection, job, report_id, now=now, hold=hold)


orphans.record = forget_the_unknown
(Path(os.environ["LANDFALL_FAILPOINTS_FOLDER"]) / "mutant").touch()
