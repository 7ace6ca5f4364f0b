"""Makes databases for tests."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from landfall.database.migrate import migrate
from landfall.exports.throttle import AccountLimits
from landfall.settings import Settings

LIMITS = {"shop-bwp": AccountLimits("buy_with_prime", 5), "shop-ab": AccountLimits("intelligems", 3)}


def migrated(path: Path) -> Path:
    """Put a SQLite file of the newest revision there."""
    shutil.copyfile(_template(), path)
    return path


@cache
def _template() -> Path:
    """One run of the migrations serves every test of a session."""
    folder = Path(mkdtemp(prefix="landfall-template-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "landfall.db"
    migrate(Settings(home=folder, database_url=f"sqlite:///{path}"))
    return path
