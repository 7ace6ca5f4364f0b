"""Spoils every process that starts with this folder on PYTHONPATH: a late result is written over what came after it."""

import os
from pathlib import Path

from sqlalchemy import bindparam, update

from landfall.database import ledger
from landfall.database.tables import exports

ledger._SWAP = update(exports).where(
    exports.c.id == bindparam("old_id"), exports.c.version >= 0 * bindparam("old_version")
)
(Path(os.environ["LANDFALL_FAILPOINTS_FOLDER"]) / "mutant").touch()
