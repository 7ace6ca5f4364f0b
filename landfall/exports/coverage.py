"""Says up to which moment an export's file is sure to reach."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from landfall.exports.job import ExportJob


def covered_until(job: ExportJob) -> datetime | None:
    """The end of what was asked for, but no later than when the report was ordered: it cannot tell what came after.

    None where the request has an end that cannot be read.
    """
    try:
        end = _end(job.request)
    except ValueError:
        return None
    ordered = _ordered(job)
    return min(end, ordered) if end else ordered


def _end(request: Mapping[str, Any]) -> datetime | None:
    end = request.get("end")
    if end is None:
        return None
    moment = datetime.fromisoformat(str(end))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ordered(job: ExportJob) -> datetime:
    """A moment shortly before the order: the export's slot was given before it, and the start's answer came after.

    A vendor that builds while the call waits may take minutes to answer.
    """
    if job.started_at is None:
        return job.created_at
    admitted = job.deadline_at - job.deadline if job.deadline_at else job.started_at
    return min(job.started_at, admitted)
