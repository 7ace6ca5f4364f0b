"""Finds how far the files reach that were stored before anybody kept it, for revision 0007."""

from sqlalchemy import Connection

# The newest of each account, by the index of its list, and the last one of each kind that had columns: to read all, of
# which there may be millions, would take minutes. A file reaches to the end of what was asked for, but not beyond the
# moment when that was asked: when its report was ordered is known less well.
_ON_POSTGRES = r"""
INSERT INTO freshness (account, report_type, window_end, stored_at, export_id)
SELECT DISTINCT ON (account, report_type) account, report_type, least(created_at, until), finished_at, id
FROM (
    SELECT account, report_type, created_at, finished_at, id,
    CASE WHEN request->>'end' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' THEN (request->>'end')::timestamptz END AS until
    FROM (
        SELECT newest.* FROM accounts CROSS JOIN LATERAL (
            SELECT * FROM exports WHERE exports.account = accounts.name AND state = 'stored'
            ORDER BY created_at DESC, id DESC LIMIT 1000
        ) AS newest
        UNION ALL
        SELECT exports.* FROM headers JOIN exports ON exports.id = headers.export_id WHERE exports.state = 'stored'
    ) AS stored
) AS reaching
ORDER BY account, report_type, least(created_at, until) DESC
"""
# Beside max() SQLite gives the other columns of the row that has it.
_ON_SQLITE = """
INSERT INTO freshness (account, report_type, window_end, stored_at, export_id)
SELECT account, report_type, max(reach), finished_at, id
FROM (
    SELECT exports.account, report_type, finished_at, id,
    min(created_at, coalesce(strftime('%Y-%m-%d %H:%M:%f000', json_extract(request, '$.end')), created_at)) AS reach
    FROM accounts CROSS JOIN exports ON exports.id IN (
        SELECT newest.id FROM exports AS newest WHERE newest.account = accounts.name AND newest.state = 'stored'
        ORDER BY newest.created_at DESC, newest.id DESC LIMIT 1000
    )
    UNION ALL
    SELECT exports.account, exports.report_type, finished_at, id,
    min(created_at, coalesce(strftime('%Y-%m-%d %H:%M:%f000', json_extract(request, '$.end')), created_at))
    FROM headers CROSS JOIN exports ON exports.id = headers.export_id WHERE exports.state = 'stored'
)
GROUP BY account, report_type
"""


def fill_freshness(connection: Connection) -> None:
    """Write what is found into the table `freshness`, which is empty."""
    connection.exec_driver_sql(_ON_POSTGRES if connection.dialect.name == "postgresql" else _ON_SQLITE)
