"""Holds the views as revision 0007 makes them; never changed, a later revision brings its own."""

from collections.abc import Mapping

# The condition is that of the index ix_exports_newest_in_view, which serves this view alone.
_EXPORTS = """
SELECT id, account, vendor, report_type, state, priority, tenant, generation, attempts, polls, deferrals, crashes,
    created_at, due_at, started_at, finished_at, deadline_at, [seconds created_at | finished_at] AS seconds,
    error_code, error_message, error_action,
    file_uri, file_bytes, file_rows, file_sha256, file_empty, header_changed, file_removed_at,
    CAST(labels AS text) AS labels
FROM exports
WHERE vendor <> ''
"""

# From the events to their exports, never the other way: SQLite takes a cross join for an order.
_EVENTS = """
SELECT e.id, e.export_id, x.account, x.vendor, x.report_type, e.at, e.kind, e.state, e.step, e.attempt, e.generation,
    e.seconds, e.error_code, e.error_message, e.error_action, e.note
FROM events AS e CROSS JOIN exports AS x
WHERE x.id = e.export_id
"""

_ACCOUNTS = """
SELECT name AS account, vendor, max_started, slots_limit, slots_used, queued, starting, exporting, ready, overdue,
    oldest_queued_at, [seconds oldest_queued_at | [now]] AS oldest_queued_seconds,
    CASE WHEN blocked_until > [now] THEN blocked_until END AS blocked_until,
    CASE WHEN error_code IS NULL THEN 'closed' WHEN probing THEN 'probing' ELSE 'open' END AS breaker,
    open_until, paused_at, paused_by, error_code, error_message, error_action
FROM (
    SELECT a.name, a.vendor, a.max_started,
        [greatest 1 | [floor [least coalesce(a.slot_limit, a.max_started) | a.max_started]]] AS slots_limit,
        (SELECT count(*) FROM exports AS x WHERE x.account = a.name AND x.state IN ('exporting', 'starting'))
            + (SELECT count(*) FROM orphans AS o
               WHERE o.account = a.name AND o.ended_at IS NULL AND o.held_until > [now]) AS slots_used,
        (SELECT count(*) FROM exports AS x WHERE x.account = a.name AND x.state = 'queued') AS queued,
        (SELECT count(*) FROM exports AS x WHERE x.account = a.name AND x.state = 'starting') AS starting,
        (SELECT count(*) FROM exports AS x WHERE x.account = a.name AND x.state = 'exporting') AS exporting,
        (SELECT count(*) FROM exports AS x WHERE x.account = a.name AND x.state = 'ready') AS ready,
        coalesce(late.steps, 0) AS overdue,
        (SELECT min(x.created_at) FROM exports AS x WHERE x.account = a.name AND x.state = 'queued')
            AS oldest_queued_at,
        a.blocked_until, a.probing, a.open_until, a.paused_at, a.paused_by,
        a.error_code, a.error_message, a.error_action
    FROM accounts AS a
    LEFT JOIN (
        SELECT account || '' AS account, count(*) AS steps FROM exports WHERE due_at <= [now] GROUP BY account || ''
    ) AS late ON late.account = a.name
) AS standing
"""

_THROUGHPUT = """
SELECT hour, account, vendor, report_type, accepted, started, stored, empty, failed, cancelled, retried, polls,
    throttled, crashes, bytes, rows
FROM export_hours
"""

_LATENCY = """
SELECT hour, account, vendor, report_type, phase, runs, seconds / runs AS mean_seconds, p50_seconds, p95_seconds,
    max_seconds
FROM step_hours
"""

_FAILURES = """
SELECT hour, account, vendor, report_type, nullif(step, '') AS step, error_code, failures, last_at, last_export_id,
    error_message, error_action
FROM failure_hours
"""

_FRESHNESS = """
SELECT account, vendor, report_type, window_end, age_seconds, stored_at, export_id, target_seconds,
    CASE WHEN target_seconds IS NULL THEN NULL WHEN window_end IS NULL THEN FALSE
        ELSE age_seconds <= target_seconds END AS met
FROM (
    SELECT f.account, a.vendor, f.report_type, f.window_end,
        CASE WHEN f.window_end > [now] THEN [real 0] ELSE [seconds f.window_end | [now]] END AS age_seconds,
        f.stored_at, f.export_id, f.target_seconds
    FROM freshness AS f JOIN accounts AS a ON a.name = f.account
) AS aged
"""

_POLLING = """
SELECT known.account, a.vendor, known.report_type, known.samples, known.mean_build_seconds,
    known.mean_uncertainty_seconds, known.max_build_seconds, known.last_at
FROM (
    SELECT account, report_type, count(*) AS samples, avg((building + finished) / 2) AS mean_build_seconds,
        avg(finished - building) AS mean_uncertainty_seconds, max(finished) AS max_build_seconds, max(at) AS last_at
    FROM build_times GROUP BY account, report_type
) AS known JOIN accounts AS a ON a.name = known.account
"""

_WORKERS = """
SELECT id, version, started_at, seen_at, running, [seconds seen_at | [now]] AS silent_seconds,
    [seconds seen_at | [now]] <= 15 AS alive
FROM workers
"""

# How a finished batch ended was written down with it; only those that go on are counted. SQLite knows no LATERAL.
_BATCHES = {
    "postgresql": """
SELECT b.id, b.created_at, b.finished_at, b.requested,
    coalesce([ended b.ending | stored], c.stored, 0) AS stored, coalesce([ended b.ending | failed], c.failed, 0) AS failed,
    coalesce([ended b.ending | cancelled], c.cancelled, 0) AS cancelled, coalesce(c.live, 0) AS live
FROM batches AS b LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE coalesce(x.state, o.state) = 'stored') AS stored,
        count(*) FILTER (WHERE coalesce(x.state, o.state) = 'failed') AS failed,
        count(*) FILTER (WHERE coalesce(x.state, o.state) = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE x.id IS NOT NULL AND x.finished_at IS NULL) AS live
    FROM batch_items AS i LEFT JOIN exports AS x ON x.id = i.export_id
    LEFT JOIN archived_exports AS o ON x.id IS NULL AND o.id = i.export_id
    WHERE i.batch_id = b.id AND b.ending IS NULL
) AS c ON b.ending IS NULL
""",
    "sqlite": """
SELECT id, created_at, finished_at, requested,
    CASE WHEN ending IS NOT NULL THEN [ended ending | stored] ELSE (
        SELECT count(*) FROM batch_items AS i LEFT JOIN exports AS x ON x.id = i.export_id
        LEFT JOIN archived_exports AS o ON x.id IS NULL AND o.id = i.export_id
        WHERE i.batch_id = b.id AND coalesce(x.state, o.state) = 'stored') END AS stored,
    CASE WHEN ending IS NOT NULL THEN [ended ending | failed] ELSE (
        SELECT count(*) FROM batch_items AS i LEFT JOIN exports AS x ON x.id = i.export_id
        LEFT JOIN archived_exports AS o ON x.id IS NULL AND o.id = i.export_id
        WHERE i.batch_id = b.id AND coalesce(x.state, o.state) = 'failed') END AS failed,
    CASE WHEN ending IS NOT NULL THEN [ended ending | cancelled] ELSE (
        SELECT count(*) FROM batch_items AS i LEFT JOIN exports AS x ON x.id = i.export_id
        LEFT JOIN archived_exports AS o ON x.id IS NULL AND o.id = i.export_id
        WHERE i.batch_id = b.id AND coalesce(x.state, o.state) = 'cancelled') END AS cancelled,
    CASE WHEN ending IS NOT NULL THEN 0 ELSE (
        SELECT count(*) FROM batch_items AS i JOIN exports AS x ON x.id = i.export_id
        WHERE i.batch_id = b.id AND x.finished_at IS NULL) END AS live
FROM batches AS b
""",
}

_DELIVERIES = """
SELECT id, webhook, type, subject, account, state, attempts, created_at, due_at, finished_at, status, error
FROM deliveries
"""

VIEWS: Mapping[str, str | Mapping[str, str]] = {
    "ops_exports": _EXPORTS,
    "ops_events": _EVENTS,
    "ops_accounts": _ACCOUNTS,
    "ops_throughput_hourly": _THROUGHPUT,
    "ops_step_latency": _LATENCY,
    "ops_failures": _FAILURES,
    "ops_freshness": _FRESHNESS,
    "ops_polling": _POLLING,
    "ops_workers": _WORKERS,
    "ops_batches": _BATCHES,
    "ops_deliveries": _DELIVERIES,
}
