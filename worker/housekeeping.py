"""Clears the store and the workspace of what dead workers left unfinished."""

import asyncio
from datetime import timedelta
from pathlib import Path

from landfall.exports.errors import ExportError
from landfall.log import get_logger
from landfall.storage.durable import as_storage_errors
from landfall.storage.store import Store
from landfall.storage.workspace import sweep_workspace

# Long after the last retry that would go on from a part; FAULTS: nothing abandoned is left after an hour.
_ABANDONED = timedelta(minutes=45)
_EVERY_SECONDS = 600.0
_log = get_logger(__name__)


async def clear_forever(store: Store, workspace: Path) -> None:
    """Remove abandoned parts, uploads and folders of the workspace at once and every ten minutes; any number of workers may."""
    while True:
        try:
            removed = await asyncio.to_thread(_clear, store, workspace)
        except ExportError as error:
            _log.warning("the store was not cleared", error=error.code, reason=str(error))
        else:
            if removed:
                _log.info("abandoned parts were removed", count=removed)
        await asyncio.sleep(_EVERY_SECONDS)


def _clear(store: Store, workspace: Path) -> int:
    with as_storage_errors(workspace):
        folders = sweep_workspace(workspace, _ABANDONED)
    return folders + store.sweep(_ABANDONED)
