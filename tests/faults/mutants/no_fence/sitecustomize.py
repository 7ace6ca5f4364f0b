"""Spoils every process that starts with this folder on PYTHONPATH: a late result is written over what came after it."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, bindparam, update

from landfall.database import ledger
from landfall.database.ledger import Lease
from landfall.database.tables import exports

_renew = ledger.renew


def renew_and_notice_nothing(connection: Connection, held: Iterable[Lease], length: timedelta) -> list[Lease]:
    _renew(connection, held, length)
    return []


# A worker that finds its lease lost stops by itself, which would leave the fence nothing to do.
ledger.renew = renew_and_notice_nothing
ledger._SWAP = update(exports).where(
    exports.c.id == bindparam("old_id"),
    (exports.c.version == bindparam("old_version")) | exports.c.version.is_not(None),
    (exports.c.state == bindparam("old_state")) | exports.c.state.is_not(None),
)
(Path(os.environ["LANDFALL_FAILPOINTS_FOLDER"]) / "mutant").touch()
