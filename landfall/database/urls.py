"""Reads the URLs of databases, of which no error may show more than the place."""

import re

from landfall.database.connection import WRITE_IT
from landfall.settings import SettingsError

_POSTGRES = ("postgresql://", "postgres://")
_HOST = r"(?:[\w.%-]+|\[[\w.:%]+\])(?::\d+)?"
_QUERY = r"\?[\w.]+=[^&]*(?:&[\w.]+=[^&]*)*"
_PLACE = re.compile(rf"postgres(?:ql)?://(?:[^@/?#]*@)?(?P<place>(?:{_HOST}(?:,{_HOST})*)?(?:/[^@/?#]*)?)(?:{_QUERY})?")


def is_postgres(url: str) -> bool:
    """Whether the URL names a database on a Postgres server."""
    return url.startswith(_POSTGRES)


def place_on_postgres(url: str) -> str:
    """The URL without user, password and parameters. Raises SettingsError for one that cannot be read."""
    found = _PLACE.fullmatch(url)
    if found is None:
        raise SettingsError(f"{WRITE_IT.removesuffix('.')}; in a password write @ as %40, : as %3A, / as %2F.")
    return f"postgresql://{found['place']}"
