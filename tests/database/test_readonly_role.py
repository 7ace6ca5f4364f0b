"""Promises of the role for dashboards: it reads every view, no table, and writes nothing, on a real Postgres."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from landfall.database import views
from landfall.database.migrate import allow_reading, migrate
from landfall.database.readonly_role import ROLE
from landfall.database.schema import metadata
from landfall.settings import Settings, SettingsError
from tests.asynchronous import run
from tests.services.postgres import Postgres, database_name

_PASSWORD = "correct horse: '1' \\ $"
_NAMES = sorted(view.name for view in views.metadata.tables.values())


def as_role(url: str, password: str = _PASSWORD) -> str:
    """The same database for the role."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{ROLE}:{quote(password, safe='')}@{parts.hostname}:{parts.port}").geturl()


async def _refused(url: str, *statements: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.execute(statements[-1])
    finally:
        await connection.close()
    return type(caught.value).__name__


def refused(url: str, *statements: str) -> str:
    """The name of what the server answers to the last of the statements."""
    return run(_refused(url, *statements))


@pytest.fixture
def allowed_url(postgres: Postgres, postgres_url: str) -> Iterator[str]:
    """A database that the role may read."""
    allow_reading(Settings(database_url=postgres_url), _PASSWORD)
    yield postgres_url
    forget_role(postgres, postgres_url)


def forget_role(postgres: Postgres, *urls: str) -> None:
    for url in urls:
        postgres.execute(f"DROP OWNED BY {ROLE}", url=url)
    postgres.execute(f"DROP ROLE {ROLE}")


def test_it_reads_every_view_and_no_table(postgres: Postgres, allowed_url: str) -> None:
    for name in _NAMES:
        postgres.execute(f"SELECT * FROM {name}", url=as_role(allowed_url))  # noqa: S608 - a name of ours
    for table in (*metadata.tables, "alembic_version"):
        assert refused(as_role(allowed_url), f"SELECT * FROM {table}") == "InsufficientPrivilegeError", table  # noqa: S608 - as above


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "UPDATE ops_exports SET priority = 9",
        "DELETE FROM ops_deliveries",
        "INSERT INTO ops_workers (id) VALUES ('x')",
    ],
)
def test_it_writes_nothing(allowed_url: str, statement: str) -> None:
    assert refused(as_role(allowed_url), statement) in {"ReadOnlySQLTransactionError", "InsufficientPrivilegeError"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "UPDATE ops_exports SET priority = 9",
        "DELETE FROM ops_deliveries",
        "INSERT INTO ops_workers (id, version, started_at, seen_at, running) VALUES ('x', 'x', now(), now(), 0)",
        f"GRANT SELECT ON exports TO {ROLE}",
        f"ALTER ROLE {ROLE} SUPERUSER",
    ],
)
def test_it_writes_nothing_where_it_says_that_it_would_not_only_read(allowed_url: str, statement: str) -> None:
    found = refused(as_role(allowed_url), "SET default_transaction_read_only = off", statement)
    # A view that no row can be written through is refused before anybody's rights are looked at.
    assert found in {"InsufficientPrivilegeError", "ObjectNotInPrerequisiteStateError", "FeatureNotSupportedError"}


def test_its_sessions_only_read_and_no_statement_takes_longer_than_half_a_minute(
    postgres: Postgres, allowed_url: str
) -> None:
    shown = [
        postgres.execute(f"SHOW {name}", url=as_role(allowed_url))[0][0]
        for name in ("default_transaction_read_only", "statement_timeout")
    ]
    assert shown == ["on", "30s"]


def test_making_it_again_changes_nothing_and_a_new_password_replaces_the_old(
    postgres: Postgres, allowed_url: str
) -> None:
    settings = Settings(database_url=allowed_url)
    allow_reading(settings)
    assert postgres.execute("SELECT count(*) FROM ops_exports", url=as_role(allowed_url))
    allow_reading(settings, "another password")
    assert postgres.execute("SELECT count(*) FROM ops_exports", url=as_role(allowed_url, "another password"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        postgres.execute("SELECT 1", url=as_role(allowed_url))


def test_views_that_are_made_anew_are_its_to_read_after_a_migration(postgres: Postgres, allowed_url: str) -> None:
    definition = postgres.execute("SELECT pg_get_viewdef('ops_workers'::regclass)", url=allowed_url)[0][0]
    postgres.execute("DROP VIEW ops_workers", url=allowed_url)
    postgres.execute(f"CREATE VIEW ops_workers AS {definition}", url=allowed_url)
    assert refused(as_role(allowed_url), "SELECT * FROM ops_workers") == "InsufficientPrivilegeError"
    migrate(Settings(database_url=allowed_url))
    assert postgres.execute("SELECT count(*) FROM ops_workers", url=as_role(allowed_url))


@pytest.mark.usefixtures("allowed_url")
def test_a_migration_lets_it_read_no_database_that_it_was_not_made_for(postgres: Postgres) -> None:
    other = postgres.new_database()
    migrate(Settings(database_url=other))
    assert refused(as_role(other), "SELECT * FROM ops_workers") == "InsufficientPrivilegeError"
    postgres.drop(other)


def test_in_a_schema_of_its_own_it_finds_the_views_by_their_names(postgres: Postgres) -> None:
    url = postgres.new_database()
    postgres.execute('CREATE SCHEMA "Land fall"', url=url)
    settings = Settings(database_url=f"{url}?search_path=%22Land%20fall%22")
    migrate(settings)
    allow_reading(settings, _PASSWORD)
    assert postgres.execute("SELECT count(*) FROM ops_exports", url=as_role(url))
    forget_role(postgres, url)
    postgres.drop(url)


def test_it_may_connect_where_not_everybody_may(postgres: Postgres, allowed_url: str) -> None:
    postgres.execute(f'REVOKE ALL ON DATABASE "{database_name(allowed_url)}" FROM PUBLIC')
    allow_reading(Settings(database_url=allowed_url), _PASSWORD)
    postgres.execute(f"SELECT * FROM {_NAMES[0]}", url=as_role(allowed_url))  # noqa: S608 - a name of ours


def test_what_everybody_may_do_is_named_with_what_takes_it_away(postgres: Postgres, allowed_url: str) -> None:
    (statement,) = allow_reading(Settings(database_url=allowed_url))
    assert statement == f"REVOKE TEMPORARY ON DATABASE {database_name(allowed_url)} FROM PUBLIC"
    postgres.execute(statement, url=allowed_url)
    assert allow_reading(Settings(database_url=allowed_url)) == []
    off = "SET default_transaction_read_only = off"
    assert refused(as_role(allowed_url), off, "CREATE TEMPORARY TABLE mine (id int)") == "InsufficientPrivilegeError"


def test_who_may_not_make_roles_is_told_what_to_do(postgres: Postgres, postgres_url: str) -> None:
    database = database_name(postgres_url)
    postgres.execute("CREATE ROLE plain LOGIN PASSWORD 'plain plain'")
    postgres.execute(f'GRANT CREATE ON DATABASE "{database}" TO plain')
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"plain:plain%20plain@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises(SettingsError, match="plain may not make or change the role landfall_readonly"):
        allow_reading(Settings(database_url=url))
    postgres.execute("DROP OWNED BY plain", url=postgres_url)
    postgres.execute("DROP OWNED BY plain")
    postgres.execute("DROP ROLE plain")


def test_sqlite_has_no_roles_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is SQLite, which has no roles; open the file read-only"):
        allow_reading(Settings(database_url=f"sqlite:///{tmp_path / 'landfall.db'}"))


@pytest.mark.parametrize("password", ["short", "größe größe größe", "a line\nand another"])
def test_a_password_that_postgres_might_read_otherwise_is_refused(postgres_url: str, password: str) -> None:
    with pytest.raises(SettingsError, match="needs at least 12 printable ASCII characters") as caught:
        allow_reading(Settings(database_url=postgres_url), password)
    assert password not in str(caught.value)


@pytest.mark.parametrize("given", ["file", "variable"])
def test_the_command_makes_it_and_shows_no_password(
    postgres: Postgres, postgres_url: str, tmp_path: Path, given: str
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{_PASSWORD}\n", encoding="ascii")
    arguments = ["--readonly-password-file", str(file)] if given == "file" else ["--readonly-role"]
    env = os.environ | {"LANDFALL_DATABASE_URL": postgres_url}
    env |= {} if given == "file" else {"LANDFALL_READONLY_PASSWORD": _PASSWORD}
    command = [sys.executable, "-m", "landfall.database.migrate", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"The role {ROLE} may read the ops_ views." in done.stdout
    assert _PASSWORD not in done.stdout + done.stderr
    assert postgres.execute("SELECT count(*) FROM ops_exports", url=as_role(postgres_url))
    forget_role(postgres, postgres_url)


def test_a_password_file_that_cannot_be_read_is_named(postgres_url: str, tmp_path: Path) -> None:
    env = os.environ | {"LANDFALL_DATABASE_URL": postgres_url}
    command = [sys.executable, "-m", "landfall.database.migrate", "--readonly-password-file", str(tmp_path / "none")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("landfall migrate: --readonly-password-file: ")
    assert "Traceback" not in done.stderr
