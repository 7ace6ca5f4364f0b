"""Reads the API's JSON into facts, whatever an older server leaves out or a newer one adds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from landfall_client.facts import Account, BatchFailure, Event, Explanation, ExportError, ExportFacts, File, Json


def export_facts(raw: Json) -> dict[str, Any]:
    """The fields of an ExportFacts."""
    return {
        "id": raw["id"],
        "vendor": raw.get("vendor", ""),
        "account": raw.get("account", ""),
        "request": raw.get("request") or {},
        "state": raw["state"],
        "attempts": raw.get("attempts", 0),
        "polls": raw.get("polls", 0),
        "generation": raw.get("generation", 0),
        "created_at": _moment(raw, "created_at"),
        "due_at": _moment(raw, "due_at"),
        "finished_at": _moment(raw, "finished_at"),
        "error": _error(raw.get("error")),
        "file": file_of(raw.get("file")),
        "labels": raw.get("labels") or {},
        "priority": raw.get("priority", 0),
        "raw": raw,
    }


def facts_alone(raw: Json) -> ExportFacts:
    """The export without the client that read it, as it crosses to another process."""
    return ExportFacts(**export_facts(raw))


def batch_facts(raw: Json) -> dict[str, Any]:
    """The fields of a BatchFacts."""
    failures = [BatchFailure(each["export"], each["code"], each["message"]) for each in raw.get("failures") or ()]
    return {
        "id": raw["id"],
        "created_at": _moment(raw, "created_at"),
        "finished_at": _moment(raw, "finished_at"),
        "requested": raw.get("requested", 0),
        "total": raw["exports"]["total"],
        "by_state": raw["exports"]["by_state"],
        "failures": failures,
        "labels": raw.get("labels") or {},
        "progress": raw.get("progress", 0.0),
        "raw": raw,
    }


def file_of(raw: Json | None) -> File | None:
    """The file, where there is one."""
    if not raw:
        return None
    return File(
        uri=raw["uri"],
        bytes=raw["bytes"],
        rows=raw["rows"],
        sha256=raw["sha256"],
        columns=tuple(raw.get("columns") or ()),
        empty=bool(raw.get("empty")),
        header_changed=bool(raw.get("header_changed")),
        removed_at=_moment(raw, "removed_at"),
        raw=raw,
    )


def account_of(raw: Json) -> Account:
    """The account."""
    return Account(
        name=raw["name"],
        vendor=raw["vendor"],
        max_started=raw["max_started"],
        limit=raw["limit"],
        slots_used=raw["slots_used"],
        queued=raw["queued"],
        blocked_until=_moment(raw, "blocked_until"),
        paused_at=_moment(raw, "paused_at"),
        paused_by=raw.get("paused_by"),
        breaker=raw.get("breaker"),
        freshness=tuple(raw.get("freshness") or ()),
        raw=raw,
    )


def event_of(raw: Json) -> Event:
    """The event."""
    return Event(
        id=raw["id"],
        at=_moment(raw, "at"),
        kind=raw["kind"],
        state=raw["state"],
        step=raw.get("step"),
        attempt=raw.get("attempt", 0),
        generation=raw.get("generation", 0),
        seconds=raw.get("seconds"),
        error=_error(raw.get("error")),
        note=raw.get("note"),
        due_at=_moment(raw, "due_at"),
        export_id=raw.get("export_id", ""),
        account=raw.get("account", ""),
        raw=raw,
    )


def explanation_of(raw: Json) -> Explanation:
    """The explanation."""
    expected = raw.get("expected") or {}
    return Explanation(
        summary=raw["summary"],
        details=tuple(raw.get("details") or ()),
        start_at=_moment(expected, "start_at"),
        built_at=_moment(expected, "built_at"),
        next_step_at=_moment(expected, "next_step_at"),
        raw=raw,
    )


def _error(raw: Json | None) -> ExportError | None:
    return ExportError(raw["code"], raw["message"], raw.get("action", "")) if raw else None


def _moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    text = raw.get(name)
    return datetime.fromisoformat(text) if text else None
