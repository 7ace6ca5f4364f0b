"""Holds rows as each released revision wrote them: an upgrade has to keep them."""

from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]

T0 = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
LATER = T0 + timedelta(minutes=5)
_FILE = {
    "file_uri": "file:///landed/exp_stored.csv",
    "file_bytes": 5_000_000_000,
    "file_rows": 3,
    "file_sha256": "a" * 64,
    "file_columns": ["id", "größe"],
    "file_empty": False,
}
_ERROR = {"error_code": "report_lost", "error_message": "it is gone", "error_action": "Submit it again."}


def _export(state: str, **more: Any) -> Row:
    return {
        "id": f"exp_{state}",
        "account": "shop-bwp",
        "vendor": "buy_with_prime",
        "report_type": "USER_EVENTS",
        "request": {"report_type": "USER_EVENTS", "start": "2026-01-01T00:00:00Z"},
        "request_hash": "f" * 64,
        "state": state,
        "version": 3,
        "priority": -1,
        "labels": {"team": "ä"},
        "attempts": 1,
        "polls": 2,
        "deferrals": 0,
        "generation": 1,
        "leased": False,
        "deadline_seconds": 43200.0,
        "created_at": T0,
        **dict.fromkeys(("due_at", "deadline_at", "started_at", "finished_at", "report_id")),
        **dict.fromkeys(_ERROR),
        **dict.fromkeys(_FILE),
        **more,
    }


def _events(exports: list[Row]) -> list[Row]:
    return [
        {
            "export_id": export["id"],
            "at": T0,
            "kind": kind,
            "state": state,
            "step": step,
            "attempt": 0,
            "generation": 1,
            "seconds": None,
            "note": None,
            **dict.fromkeys(_ERROR),
        }
        for export in exports
        for kind, state, step in (("accept", "queued", None), ("moved", export["state"], "poll"))
    ]


_EXPORTS = [
    _export("queued"),
    _export("starting", leased=True, due_at=LATER, deadline_at=LATER),
    _export("exporting", due_at=T0, started_at=T0, report_id="USER_EVENTS:1"),
    _export("ready", due_at=LATER, started_at=T0, report_id="USER_EVENTS:2"),
    _export("stored", started_at=T0, finished_at=LATER, report_id="USER_EVENTS:3", **_FILE),
    _export("failed", finished_at=LATER, **_ERROR),
    _export("cancelled", finished_at=LATER),
]
_ACCOUNTS = [
    {"name": "shop-bwp", "vendor": "buy_with_prime", "max_started": 5},
    {"name": "shop-ab", "vendor": "intelligems", "max_started": 3},
]
_THROTTLED = {
    "rate_burst": 20.0,
    "rate_refill": 0.5,
    "tenant_weights": {"a": 2.0},
    "slot_limit": 3.5,
    "strikes": 1,
    "blocked_until": T0,
    "failures": 0,
    "open_until": None,
    "probing": False,
    **dict.fromkeys(_ERROR),
    "tokens": 4.5,
    "tokens_at": T0,
    "turn": 7.0,
}
_OF_EXPORT_2 = {"tenant": "a", "turn": 7.5, "polled_at": T0}
_OF_EXPORT_3 = {"header_hash": "b" * 64, "header_changed": True, "file_removed_at": None}

# By revision, by table, in the order in which they can be inserted.
RELEASED: dict[str, Rows] = {
    "0001": {"accounts": _ACCOUNTS, "exports": _EXPORTS, "events": _events(_EXPORTS)},
    "0002": {
        "accounts": [account | _THROTTLED for account in _ACCOUNTS],
        "exports": [export | _OF_EXPORT_2 for export in _EXPORTS],
        "events": _events(_EXPORTS),
        "orphans": [
            {
                "account": "shop-bwp",
                "export_id": "exp_cancelled",
                "attempt": 1,
                "generation": 1,
                "order_hash": "c" * 64,
                "report_id": report_id,
                "created_at": T0,
                "held_until": LATER,
                "due_at": T0 if report_id else None,
                "ended_at": None,
                "built": False,
            }
            for report_id in ("USER_EVENTS:4", None)
        ],
        "build_times": [
            {"account": "shop-bwp", "report_type": "USER_EVENTS", "building": 60.0, "finished": 65.5, "at": T0}
        ],
    },
}
RELEASED["0003"] = {
    **RELEASED["0002"],
    "exports": [export | _OF_EXPORT_2 | _OF_EXPORT_3 for export in _EXPORTS],
    "headers": [
        {
            "account": "shop-bwp",
            "report_type": "USER_EVENTS",
            "header_hash": "b" * 64,
            "columns": ["id", "größe"],
            "export_id": "exp_stored",
            "at": T0,
        }
    ],
}
RELEASED["0004"] = RELEASED["0003"] | {"duties": [{"name": "sweep", "holder": "a:1:2", "until": T0}]}
# Without archived exports: they bar the way back to 0004.
RELEASED["0005"] = RELEASED["0004"] | {
    "exports": [export | _OF_EXPORT_2 | _OF_EXPORT_3 | {"crashes": 1} for export in _EXPORTS]
}
_DELIVERY = {
    "webhook": "ops",
    "url": None,
    "type": "export.stored",
    "subject": "exp_stored",
    "account": "shop-bwp",
    "payload": '{"id": "exp_stored"}',
    "state": "delivered",
    "attempts": 1,
    "created_at": T0,
    "due_at": None,
    "finished_at": LATER,
    "status": 200,
    "error": None,
}
RELEASED["0006"] = RELEASED["0005"] | {
    "accounts": [
        account | _THROTTLED | {"paused_at": T0, "paused_by": "anna", "probe": None}
        if account["name"] == "shop-ab"
        else account | _THROTTLED | {"paused_at": None, "paused_by": None, "probe": "exp_starting"}
        for account in _ACCOUNTS
    ],
    "exports": [
        export
        | _OF_EXPORT_2
        | _OF_EXPORT_3
        | {"crashes": 1, "callback_url": "https://receiver.example/told", "withdrawals": 1}
        for export in _EXPORTS
    ],
    "events": [event | {"untold": False} for event in _events(_EXPORTS)],
    "keys": [
        {
            "id": "key_1",
            "name": "anna",
            "prefix": "lf_abcdefgh",
            "sha256": "d" * 64,
            "scope": "admin",
            "accounts": ["shop-bwp"],
            "created_at": T0,
            "expires_at": None,
            "revoked_at": None,
            "last_used_at": LATER,
        }
    ],
    "answers": [
        {
            "key_id": "key_1",
            "idempotency_key": "once",
            "request_hash": "e" * 64,
            "status": 202,
            "location": "/v1/exports/exp_queued",
            "body": "{}",
            "created_at": T0,
        }
    ],
    "batches": [
        {
            "id": f"bat_{name}",
            "requested": 2,
            "labels": {"team": "ä"},
            "created_at": T0,
            "finished_at": LATER if ending else None,
            "ending": ending,
        }
        for name, ending in (("live", None), ("ended", {"by_state": {"stored": 1, "failed": 1}, "failures": []}))
    ],
    "batch_items": [
        {"batch_id": batch, "created_at": T0, "export_id": export, "number": number, "ours": True}
        for batch, members in (("bat_live", ("exp_queued", "exp_ready")), ("bat_ended", ("exp_stored", "exp_failed")))
        for number, export in enumerate(members)
    ],
    "batch_accounts": [
        {"account": "shop-bwp", "created_at": T0, "batch_id": batch} for batch in ("bat_live", "bat_ended")
    ],
    "deliveries": [
        _DELIVERY | {"id": "dlv_1"},
        _DELIVERY | {"id": "dlv_2", "webhook": None, "url": "https://receiver.example/told", "state": "failed"},
    ],
    "workers": [
        {"id": "host:1:a", "version": "0.6", "started_at": T0, "seen_at": LATER, "running": 2, "metrics": None}
    ],
}
_OF_HOUR = {"hour": T0, "account": "shop-bwp", "vendor": "buy_with_prime", "report_type": "USER_EVENTS"}
_COUNTERS = (
    *("accepted", "started", "stored", "empty", "failed", "cancelled"),
    *("retried", "polls", "throttled", "crashes", "bytes", "rows"),
)
_SECONDS = {"seconds": 3.0, "p50_seconds": 1.0, "p95_seconds": 2.0, "max_seconds": 2.0}
RELEASED["0007"] = RELEASED["0006"] | {
    "sessions": [
        {"sha256": "c" * 64, "key_id": "key_1", "form_token": "f" * 64, "created_at": T0, "expires_at": LATER}
    ],
    "freshness": [
        {
            "account": "shop-bwp",
            "report_type": "USER_EVENTS",
            "target_seconds": 3600.0,
            "window_end": T0,
            "stored_at": LATER,
            "export_id": "exp_stored",
        }
    ],
    "export_hours": [_OF_HOUR | dict.fromkeys(_COUNTERS, 1)],
    "step_hours": [_OF_HOUR | _SECONDS | {"phase": "poll", "runs": 2, "ranges": {"7": 2}}],
    "failure_hours": [
        _OF_HOUR
        | {"step": "poll", "failures": 1, "last_at": LATER, "last_export_id": "exp_failed"}
        | {"error_code": "report_lost", "error_message": "it is gone", "error_action": "Submit it again."}
    ],
}
