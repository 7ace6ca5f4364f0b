"""Has events count as counted, without a worker that would count them."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select, update

from landfall.database import archive
from landfall.database.tables import events
from landfall.database.tally_tables import tallied


def take_for_counted(connection: Connection) -> None:
    """Move the mark behind the last event."""
    connection.execute(
        update(tallied).values(event_id=select(func.coalesce(func.max(events.c.id), 0)).scalar_subquery())
    )


def move(connection: Connection, export_ids: Collection[str]) -> int:
    """Archive exports whose events are counted."""
    take_for_counted(connection)
    return archive.move(connection, export_ids)
