"""Promises of `landfall copy-database`: who outgrows SQLite goes on with Postgres where it was."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from landfall.database import duties
from tests.cli.running import body, landfall, one_line, up, write_accounts
from tests.planted_files import make_home, plant, transaction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose home has three stored files in SQLite."""
    write_accounts(tmp_path)
    make_home(tmp_path / ".landfall")
    for name in ("exp_a", "exp_b", "exp_c"):
        plant(tmp_path / ".landfall", name)
    return tmp_path


def test_what_was_in_sqlite_is_there_on_postgres(folder: Path, postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    without = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")).geturl()
    ended = landfall(folder, "copy-database", without, "--json", env={"PGPASSWORD": parts.password or ""})
    assert ended.returncode == 0, ended.stderr
    rows = {table["table"]: table["rows"] for table in body(ended)["tables"]}
    assert (rows["exports"], rows["events"], rows["accounts"]) == (3, 3, 2)
    env = {"LANDFALL_DATABASE_URL": postgres_url}
    assert landfall(folder, "verify", env=env).stdout.endswith(": all well.\n")
    with up(folder, env=env) as running:
        listed = landfall(folder, "list", "--json", env={"LANDFALL_URL": running.url})
    assert {item["id"] for item in body(listed)["items"]} == {"exp_a", "exp_b", "exp_c"}
    again = landfall(folder, "copy-database", postgres_url)
    assert (again.returncode, "holds exports already" in one_line(again.stderr)) == (1, True)


def test_a_database_that_is_still_used_is_not_copied(folder: Path, postgres_url: str) -> None:
    with transaction(folder / ".landfall") as connection:
        assert duties.claim(connection, "sweep", "somebody", timedelta(hours=1))
    ended = landfall(folder, "copy-database", postgres_url)
    assert ended.returncode == 1
    assert "stop every worker and API" in one_line(ended.stderr)


@pytest.mark.parametrize("target", ["sqlite:////x.db", "nonsense"])
def test_only_postgres_is_copied_to(folder: Path, target: str) -> None:
    ended = landfall(folder, "copy-database", target)
    assert (ended.returncode, one_line(ended.stderr).startswith("landfall copy-database: URL: ")) == (2, True)


def test_a_server_that_does_not_answer_is_named_without_its_password(folder: Path) -> None:
    ended = landfall(folder, "copy-database", "postgresql://me:PlantedPassword@127.0.0.1:9/x")
    assert ended.returncode == 1
    assert "postgresql://127.0.0.1:9/x cannot be opened" in one_line(ended.stderr)
    assert "PlantedPassword" not in ended.stderr
