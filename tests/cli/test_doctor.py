"""Promises that `landfall doctor` finds what keeps Landfall from working, with a cure, and changes nothing."""

import contextlib
import json
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import database, rounds
from cli.doctor.finding import Installation, ok
from landfall.database.migrate import migrate
from landfall.settings import Settings
from tests.cli.diagnosis import diagnose
from tests.cli.running import NOWHERE, Up, command, environment, landfall, one_line, write_accounts
from tests.cli.terminal import terminal
from tests.free_port import free_port
from tests.services.postgres import Postgres
from tests.services.redis_server import running_redis

SECRET = "planted-Kq7xSecret"
EVERYTHING = {
    *("python", "open files", "settings", "home", "database", "database file", "redis", "store", "room in the store"),
    *("clock", "secrets of shop-ab", "hosts of shop-ab", "credentials of shop-ab", "api", "workers", "exports"),
    "account shop-ab",
}


@pytest.fixture
def folder(tmp_path: Path, vendors: Mapping[str, str]) -> Path:
    """A folder with settings that are in order."""
    write_accounts(tmp_path, vendors)
    return tmp_path


def migrated(folder: Path, revision: str = "head") -> Path:
    migrate(Settings(home=folder / ".landfall"), revision)
    return folder / ".landfall" / "landfall.db"


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_where_nothing_runs_yet_there_is_no_error_and_nothing_is_made(folder: Path) -> None:
    before = contents(folder)
    found = diagnose(folder)
    assert found.code == 0, found
    assert "landfall up" in found.one("api", "warning")
    assert found.status("credentials of shop-ab") == found.status("credentials of shop-bwp") == ["ok"]
    assert contents(folder) == before


def test_where_everything_runs_everything_is_well(running: Up) -> None:
    found = diagnose(running.folder)
    assert {each["status"] for each in found.findings} == {"ok"}, found
    assert {each["check"] for each in found.findings} >= EVERYTHING


def test_a_database_that_is_there_is_looked_at_without_a_trace(folder: Path) -> None:
    migrated(folder)
    (folder / ".landfall" / "files").mkdir()
    before = contents(folder)
    found = diagnose(folder)
    assert found.status("database") == found.status("database file") == ["ok"]
    assert found.status("store") == ["ok"]
    assert "none is alive" in found.one("workers", "warning")
    assert contents(folder) == before


def test_on_a_terminal_there_is_a_table_and_in_a_pipe_there_are_lines(folder: Path) -> None:
    ended = landfall(folder, "doctor", "--offline")
    assert ended.stdout.splitlines()[0].split("\t") == ["CHECK", "STATE", "FOUND", "CURE"]
    assert "wrong." in one_line(ended.stderr)
    with terminal(folder, "doctor", "--offline") as screen:
        assert screen.end() == 0
    assert "Cure: start it with `landfall up`" in " ".join(screen.shown.split())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "there is no settings file"),
        ("colour = 1", "colour: there is no setting of this name"),
        ("colour = ", "is not valid TOML"),
        ("api_port = 'x'", "api_port"),
        ("", "names no account / add one with `landfall init`"),
        ("key_template = 'x.csv'", "key_template"),
    ],
)
def test_settings_that_are_wrong_are_named(tmp_path: Path, text: str | None, named: str) -> None:
    if text is not None:
        (tmp_path / "landfall.toml").write_text(text)
    assert any(named in f"{each['found']} / {each['cure']}" for each in diagnose(tmp_path).of("settings"))


def test_an_account_that_is_wrong_hides_no_other(folder: Path) -> None:
    with (folder / "landfall.toml").open("a") as file:
        file.write('[accounts.third]\nvendor = "acme"\n')
    found = diagnose(folder)
    assert "accounts.third.vendor" in found.one("account third", "error")
    assert found.status("credentials of shop-ab") == ["ok"]


def test_a_variable_that_is_nearly_a_setting_is_told(folder: Path) -> None:
    found = diagnose(folder, "--offline", env={"LANDFALL_DATABSE_URL": "x"})
    assert "did you mean LANDFALL_DATABASE_URL?" in found.one("settings", "warning")


def test_secrets_that_are_missing_or_that_others_may_read_are_told(folder: Path) -> None:
    key = folder / "token"
    key.write_text("sandbox-file")
    key.chmod(0o644)
    text = (folder / "landfall.toml").read_text().replace('{ env = "AB_TOKEN" }', '{ file = "token" }')
    (folder / "landfall.toml").write_text(text)
    found = diagnose(folder, env={"BWP_SECRET": ""})
    assert "chmod 600 token" in found.one("secrets of shop-ab", "warning")
    assert "BWP_SECRET is empty or missing / set it" in found.one("secrets of shop-bwp", "error")
    assert found.status("credentials of shop-bwp") == []


def test_credentials_that_the_vendor_refuses_are_an_error_and_offline_nobody_is_asked(folder: Path) -> None:
    wrong = {"AB_TOKEN": "wrong"}
    assert "accounts.shop-ab" in diagnose(folder, env=wrong).one("credentials of shop-ab", "error")
    offline = diagnose(folder, "--offline", env=wrong)
    assert offline.status("credentials of shop-ab") == offline.status("clock") == []
    assert offline.code == 0


def test_vendors_that_are_not_reached_are_an_error(tmp_path: Path) -> None:
    write_accounts(tmp_path, NOWHERE)
    assert "accounts.shop-ab.base_url" in diagnose(tmp_path).one("credentials of shop-ab", "error")


@pytest.mark.parametrize(
    ("hosts", "status", "named"),
    [
        ('["https://x.example/a"]', "error", "can be the name of no host"),
        ('["*"]', "warning", "lets in hosts of strangers"),
        ('["*.com"]', "warning", "lets in hosts of strangers"),
        ('["nowhere.invalid"]', "warning", "cannot be resolved"),
        ('["127.0.0.1"]\nallow_private_hosts = false', "error", "leads to a private address"),
        ('["127.0.0.1", "*.amazonaws.com"]', "ok", "127.0.0.1, *.amazonaws.com"),
    ],
)
def test_download_hosts_are_judged(folder: Path, hosts: str, status: str, named: str) -> None:
    with (folder / "landfall.toml").open("a") as file:
        file.write(f"download_hosts = {hosts}\n")
    assert named in diagnose(folder).one("hosts of shop-bwp", status)


def test_a_database_behind_this_release_is_to_be_migrated(folder: Path) -> None:
    migrated(folder, "0006")
    assert "landfall migrate" in diagnose(folder, "--offline").one("database", "error")


def test_a_database_ahead_of_this_release_needs_the_newer_one(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(migrated(folder))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE schema_support SET oldest = '9999'")
    assert "install the newer release" in diagnose(folder, "--offline").one("database", "error")


def test_a_database_that_is_damaged_or_none_at_all_is_an_error(folder: Path) -> None:
    path = migrated(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: 4096 * 8] + b"\xff" * 4096 + whole[4096 * 9 :])
    found = diagnose(folder, "--offline")
    assert any(each["status"] == "error" and "backup" in each["cure"] for each in found.findings), found
    path.write_text("these are no tables, whatever the name says, and long enough to be read as a header of one" * 9)
    assert "cannot be read" in diagnose(folder, "--offline").one("database", "error")


def test_a_database_without_wal_is_a_warning(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(migrated(folder))) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    assert "landfall up" in diagnose(folder, "--offline").one("database file", "warning")


def test_a_database_that_is_too_large_to_be_read_at_once_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(folder)
    monkeypatch.setattr(database, "_CHECK_SECONDS", -1.0)
    monkeypatch.setattr(database, "_STEPS_BETWEEN_LOOKS", 1)
    found = list(database.look_at_database(Installation(Settings(home=folder / ".landfall"), {}, offline=True)))
    assert "it is large" in found[-1].found


def test_a_database_on_a_network_file_system_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = migrated(folder)
    kind = database._file_system(path)
    monkeypatch.setattr(database, "_ON_A_NETWORK", {kind})
    found = list(database.look_at_database(Installation(Settings(home=folder / ".landfall"), {}, offline=True)))
    assert [each.cure for each in found if each.status == "error"] == [
        "move LANDFALL_HOME to a local disk, or use Postgres"
    ]


def test_a_postgres_that_answers_is_well_and_one_that_does_not_is_an_error(
    folder: Path, postgres: Postgres, postgres_url: str
) -> None:
    found = diagnose(folder, "--offline", env={"LANDFALL_DATABASE_URL": postgres_url})
    assert found.status("database") == found.status("clock of the database") == ["ok"]
    assert found.status("exports") == ["ok"]
    empty = postgres.new_database()
    found = diagnose(folder, "--offline", env={"LANDFALL_DATABASE_URL": empty})
    assert "landfall migrate" in found.one("database", "error")
    postgres.drop(empty)
    away = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/x"
    found = diagnose(folder, "--offline", env={"LANDFALL_DATABASE_URL": away})
    assert "does not answer" in found.one("database", "error")
    assert SECRET not in str(found)


def test_a_redis_of_the_settings_is_asked_what_it_keeps(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        env = {"LANDFALL_REDIS_URL": redis.url}
        found = diagnose(folder, "--offline", env=env)
        assert "version" in found.one("redis", "ok")
        assert "set appendonly yes" in found.one("redis", "warning")
        redis.command("CONFIG", "SET", "appendonly", "yes")
        redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert "noeviction" in diagnose(folder, "--offline", env=env).one("redis", "warning")
        redis.command("CONFIG", "SET", "requirepass", SECRET)
        wrong = redis.url.replace("redis://", f"redis://:not-{SECRET}@")
        found = diagnose(folder, "--offline", env={"LANDFALL_REDIS_URL": wrong})
        assert "does not answer (AuthenticationError)" in found.one("redis", "error")
        assert SECRET not in str(found)


def test_a_redis_that_is_away_is_an_error(folder: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    assert "does not answer" in diagnose(folder, "--offline", env={"LANDFALL_REDIS_URL": url}).one("redis", "error")


def test_a_store_that_takes_nothing_or_has_no_room_is_an_error(folder: Path) -> None:
    (folder / "file").write_text("")
    below = (folder / "file" / "files").as_uri()
    assert "LANDFALL_STORAGE_URL" in diagnose(folder, "--offline", env={"LANDFALL_STORAGE_URL": below}).one(
        "store", "error"
    )
    found = diagnose(folder, "--offline", env={"LANDFALL_STORAGE_RESERVE_BYTES": str(1 << 60)})
    assert "make room" in found.one("room in the store", "error")


def test_a_bucket_that_does_not_answer_is_an_error_within_seconds(folder: Path) -> None:
    env = {
        "LANDFALL_STORAGE_URL": "s3://bucket/prefix",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }
    found = diagnose(folder, "--offline", env=env)
    assert found.status("store") == ["error"]
    assert SECRET not in str(found)


def test_a_check_that_hangs_or_fails_is_an_error_and_the_others_have_their_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LONGEST_SECONDS", 0.2)
    end = threading.Event()

    def fail() -> list[Any]:
        raise KeyError("x")

    looks: dict[str, rounds.Look] = {
        "hangs": lambda: [ok("hangs", str(end.wait(60)))],
        "fails": fail,
        "works": lambda: [ok("works", "it does")],
        "has nothing to say": list,
    }
    found = {each.check: each for each in rounds.look_at_all(looks)}
    end.set()
    assert [found[name].status for name in ("hangs", "fails", "works")] == ["error", "error", "ok"]
    assert "no answer within" in found["hangs"].found
    assert len(found) == 3


def test_few_open_files_are_a_warning(folder: Path) -> None:
    ended = subprocess.run(
        command("doctor", "--json", "--offline"),
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
    )
    assert {each["check"]: each for each in json.loads(ended.stdout)["items"]}["open files"]["status"] == "warning"
