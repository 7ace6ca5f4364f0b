"""Clears the store and the workspace of what dead workers left unfinished, and the database of answers that are too old."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from landfall.database import answers
from landfall.database.connection import Database
from landfall.exports.errors import ExportError
from landfall.log import get_logger
from landfall.storage.durable import as_storage_errors
from landfall.storage.store import Store
from landfall.storage.workspace import sweep_workspace

# Long after the last retry that would go on from a part; FAULTS: nothing abandoned is left after an hour.
_ABANDONED = timedelta(minutes=45)
_EVERY_SECONDS = 600.0
# A transaction may run on the event loop's thread.
_ANSWERS_AT_ONCE = 500
_PAUSE_SECONDS = 0.05
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


async def forget_answers_forever(database: Database, is_ours: Callable[[], Awaitable[bool]]) -> None:
    """Remove, every ten minutes, what was answered under an Idempotency-Key more than a day ago.

    Only where `is_ours` says that it is this worker's duty. Raises DatabaseUnavailable.
    """
    while True:
        while await is_ours():
            if await database.write(partial(answers.forget_old, limit=_ANSWERS_AT_ONCE)) < _ANSWERS_AT_ONCE:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.sleep(_EVERY_SECONDS)


def _clear(store: Store, workspace: Path) -> int:
    with as_storage_errors(workspace):
        folders = sweep_workspace(workspace, _ABANDONED)
    return folders + store.sweep(_ABANDONED)
