"""Tells the URLs of databases apart."""

from urllib.parse import urlsplit

_POSTGRES = frozenset({"postgresql", "postgres"})


def is_postgres(url: str) -> bool:
    """Whether the URL names a database on a Postgres server."""
    return urlsplit(url).scheme in _POSTGRES
