"""Promises of `landfall up`: checks first, one sentence, and nothing left behind."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from landfall.transport.embedded import EmbeddedRedis
from tests.cli.running import ROOT, SECRETS, Up, command, environment, landfall, one_line, until, up, write_accounts
from tests.planted_files import make_home

Spoil = Callable[[Path], dict[str, str]]


def no_settings(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").unlink()
    return {}


def wrong_toml(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_text("[accounts.shop\nvendor = 1")
    return {}


def unknown_setting(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_text("api_prot = 1\n" + (folder / "landfall.toml").read_text())
    return {}


def no_accounts(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_text("")
    return {}


def unknown_vendor(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_text('[accounts.shop]\nvendor = "acme"')
    return {}


def literal_secret(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_text('[accounts.shop]\nvendor = "intelligems"\naccess_token = "hunter2-hunter2"')
    return {}


def missing_secret(_folder: Path) -> dict[str, str]:
    return {"BWP_SECRET": ""}


def home_is_a_file(folder: Path) -> dict[str, str]:
    (folder / ".landfall").write_text("")
    return {}


def home_below_a_file(folder: Path) -> dict[str, str]:
    (folder / "file").write_text("")
    return {"LANDFALL_HOME": str(folder / "file" / "home")}


def not_utf_8(folder: Path) -> dict[str, str]:
    (folder / "landfall.toml").write_bytes(b"api_port = 0\nhome = '\xff'\n")
    return {}


def settings_are_a_folder(folder: Path) -> dict[str, str]:
    return {"LANDFALL_CONFIG": str(folder)}


def port_in_the_file(folder: Path) -> dict[str, str]:
    toml = (folder / "landfall.toml").read_text()
    (folder / "landfall.toml").write_text(toml.replace("api_port = 0", "api_port = 99999"))
    return {}


def set_to(**values: str) -> Spoil:
    return lambda _folder: {f"LANDFALL_{name}": value for name, value in values.items()}


def store_below_a_file(folder: Path) -> dict[str, str]:
    (folder / "file").write_text("")
    return {"LANDFALL_STORAGE_URL": (folder / "file" / "store").as_uri()}


def database_is_a_text(folder: Path) -> dict[str, str]:
    (folder / "notes").write_text("This is no database, however often it is read. " * 20)
    return {"LANDFALL_DATABASE_URL": f"sqlite:///{folder}/notes"}


def database_of_another_program(folder: Path) -> dict[str, str]:
    run_sql(folder / "their.db", "CREATE TABLE theirs (a)")
    return {"LANDFALL_DATABASE_URL": f"sqlite:///{folder}/their.db"}


def database_of_a_later_release(folder: Path) -> dict[str, str]:
    run_sql(folder / "new.db", "CREATE TABLE alembic_version AS SELECT '9999' AS version_num")
    return {"LANDFALL_DATABASE_URL": f"sqlite:///{folder}/new.db"}


def run_sql(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (no_settings, "there is no settings file landfall.toml; write one"),
        (wrong_toml, "landfall.toml is not valid TOML: "),
        (unknown_setting, "landfall.toml: api_prot: there is no setting of this name; check the spelling."),
        (no_accounts, "landfall.toml names no account; write an [accounts.NAME] table"),
        (unknown_vendor, "accounts.shop.vendor: there is no such vendor; set it to"),
        (literal_secret, "accounts.shop.access_token: "),
        (missing_secret, "accounts.shop-bwp.client_secret: the environment variable BWP_SECRET is empty or missing"),
        (home_is_a_file, "home: "),
        (home_below_a_file, "home: "),
        (not_utf_8, "landfall.toml is not UTF-8 in line 2; save it as UTF-8."),
        (settings_are_a_folder, "the settings file "),
        (port_in_the_file, "landfall.toml: api_port: Input should be less than or equal to 65535."),
        (set_to(API_PORT="99999"), "LANDFALL_API_PORT: Input should be less than or equal to 65535."),
        (set_to(ACCOUNTS="hunter2-hunter2"), "LANDFALL_ACCOUNTS is not valid JSON; write the accounts into "),
        (set_to(HOME="~nobody-of-this-name"), "LANDFALL_HOME: there is no such user's folder; "),
        (set_to(API_HOST="192.0.2.1"), "api_host: 192.0.2.1 is no address of this machine ("),
        (set_to(API_HOST="a:b"), "api_host: a:b is no address of this machine ("),
        (set_to(REDIS_URL="foo"), "LANDFALL_REDIS_URL: write it as redis://host:port/0, "),
        (set_to(REDIS_URL="redis://me:hunter2/hunter2@host"), "LANDFALL_REDIS_URL: write it as redis://host:port/0, "),
        (set_to(REDIS_URL="redis://:hunter2-hunter2@127.0.0.1:9"), "redis_url: no Redis answers there ("),
        (set_to(STORAGE_URL="ftp://host/x"), "storage_url: names no store that Landfall knows; write it as file:///"),
        (set_to(KEY_TEMPLATE="../{export_id}.csv"), "key_template: its part .. begins with a dot; "),
        (store_below_a_file, "storage_url: /"),
        (
            set_to(DATABASE_URL="mysql://host/name"),
            "database_url: write it as sqlite:////absolute/path.db or postgresql:",
        ),
        (set_to(DATABASE_URL="postgresql://127.0.0.1:9/name"), "database_url: the database cannot be read ("),
        (database_is_a_text, "database_url: "),
        (database_of_another_program, "database_url: "),
        (database_of_a_later_release, "the database is at revision 9999"),
    ],
)
def test_what_is_missing_or_wrong_gets_one_sentence_before_anything_starts(
    tmp_path: Path, spoil: Spoil, sentence: str
) -> None:
    write_accounts(tmp_path)
    ended = landfall(tmp_path, "up", env=spoil(tmp_path))
    assert ended.returncode == 1
    assert ended.stdout == ""
    line = one_line(ended.stderr)
    assert line.startswith(f"landfall up: {sentence}")
    assert "hunter2" not in line
    assert line.endswith(".")
    assert not (tmp_path / ".landfall" / "redis").exists()


def test_the_cure_for_a_wrong_host_names_the_host_s_variable(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    make_home(tmp_path / ".landfall")
    for name in ("up", "api"):
        ended = landfall(tmp_path, name, env={"LANDFALL_API_HOST": "192.0.2.1"})
        assert ended.returncode == 1
        cure = "(Cannot assign requested address); set LANDFALL_API_HOST to one, for example 127.0.0.1."
        assert one_line(ended.stderr) == f"landfall {name}: api_host: 192.0.2.1 is no address of this machine {cure}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that is told by variables where Redis and the store are, and nothing by two that are empty."""
    folder = tmp_path_factory.mktemp("told")
    write_accounts(folder)
    redis = EmbeddedRedis(folder / "elsewhere")
    env = {"LANDFALL_REDIS_URL": redis.url, "LANDFALL_STORAGE_URL": (folder / "store").as_uri()}
    with redis.used(), up(folder, env={**env, "LANDFALL_API_HOST": "", "LANDFALL_API_PORT": ""}) as running:
        yield running
        assert running.end() == 0


@pytest.mark.slow
def test_up_takes_a_redis_that_answers(told: Up) -> None:
    assert told.children().keys() == {"api", "worker"}
    assert landfall(told.folder, "accounts").returncode == 0


def test_an_empty_variable_is_an_unset_one(told: Up) -> None:
    assert told.url.startswith("http://127.0.0.1:")


def test_checks_leave_nothing_in_the_store(told: Up) -> None:
    assert [path for path in (told.folder / "store").rglob("*") if path.is_file()] == []


@contextlib.contextmanager
def migrating(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], psutil.Process, sqlite3.Connection]]:
    """Run a command whose migration has opened the database, which the yielded connection has locked meanwhile."""
    path = folder / ".landfall" / "landfall.db"
    path.parent.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as locking:
        locking.execute("PRAGMA user_version = 1")
        locking.execute("BEGIN EXCLUSIVE")
        with subprocess.Popen(
            command(*words), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            this = psutil.Process(process.pid)
            until(lambda: any(opened(each, path) for each in [this, *this.children()]), "it has opened the database")
            yield process, next(each for each in [this, *this.children()] if opened(each, path)), locking


def opened(process: psutil.Process, path: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        return str(path) in {file.path for file in process.open_files()}
    return False


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_ctrl_c_while_up_migrates_ends_both_without_a_word(tmp_path: Path, number: signal.Signals, code: int) -> None:
    write_accounts(tmp_path)
    with migrating(tmp_path, "up") as (process, migration, _):
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == code
        assert not migration.is_running()
    assert not (tmp_path / ".landfall" / "redis").exists()


def test_ctrl_c_ends_a_migration_without_a_word(tmp_path: Path) -> None:
    with migrating(tmp_path, "migrate") as (process, _, locking):
        process.send_signal(signal.SIGINT)
        locking.rollback()
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130


def test_a_port_that_is_taken_gets_one_sentence_before_anything_starts(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = landfall(tmp_path, "up", env={"LANDFALL_API_PORT": port})
    assert ended.returncode == 1
    cure = "cannot be listened on (Address already in use); stop what uses it or set LANDFALL_API_PORT."
    assert one_line(ended.stderr) == f"landfall up: api_port: 127.0.0.1:{port} {cure}"
    assert not (tmp_path / ".landfall" / "redis").exists()


def test_a_database_that_cannot_be_migrated_is_told_before_anything_serves(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    (tmp_path / "file").write_text("")
    ended = landfall(tmp_path, "up", env={"LANDFALL_DATABASE_URL": f"sqlite:///{tmp_path}/file/landfall.db"})
    assert ended.returncode == 1
    assert one_line(ended.stderr).startswith("landfall up: database_url: ")
    assert not EmbeddedRedis(tmp_path / ".landfall").alive()


def test_a_second_up_on_the_same_home_names_the_first(told: Up) -> None:
    ended = landfall(told.folder, "up")
    assert ended.returncode == 1
    line = one_line(ended.stderr)
    assert f"another `landfall up` runs on {told.folder}/.landfall" in line
    assert f"(process {told.process.pid}, at {told.url})" in line
    assert landfall(told.folder, "accounts").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_leaves_no_process_and_no_socket(tmp_path: Path, number: signal.Signals) -> None:
    write_accounts(tmp_path)
    with up(tmp_path) as running:
        home = tmp_path / ".landfall"
        children = running.children()
        assert children.keys() == {"api", "worker", "redis"}
        assert json.loads((home / "up.json").read_text()) == {"pid": running.process.pid, "url": running.url}
        assert running.end(number) == 0
        assert not [child for child in children.values() if child.is_running()]
    assert not (home / "up.json").exists()
    assert not [path for path in home.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    assert "Traceback" not in running.log


@pytest.mark.slow
def test_sigkill_lets_the_children_end_and_the_next_up_works(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        env = {"LANDFALL_API_PORT": str(free.getsockname()[1])}
    with up(tmp_path, env=env) as first:
        children = first.children()
        del children["redis"]  # the second may adopt it
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        with up(tmp_path, env=env) as second:
            assert second.url == first.url
            assert landfall(tmp_path, "accounts").returncode == 0
            until(
                lambda: not any(child.is_running() and child.status() != "zombie" for child in children.values()),
                "they ended",
            )
    assert not EmbeddedRedis(tmp_path / ".landfall").alive()


@pytest.mark.parametrize("name", ["api", "worker", "redis"])
@pytest.mark.slow
def test_what_dies_is_started_again(tmp_path: Path, name: str) -> None:
    write_accounts(tmp_path)
    with up(tmp_path) as running:
        before = running.children()[name]
        before.kill()
        until(lambda: running.children().get(name, before).pid != before.pid, f"{name} was started again")
        until(lambda: landfall(tmp_path, "accounts").returncode == 0, "the API answers")
        sentence = "the embedded Redis ended; it was started again" if name == "redis" else f"{name} ended (SIGKILL)"
        until(lambda: sentence in running.log, "it was told")
        assert running.end() == 0


@pytest.mark.slow
def test_a_child_that_cannot_live_ends_up_with_its_message(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    stillborn = tmp_path / "stillborn" / "worker"
    stillborn.mkdir(parents=True)
    (stillborn / "__init__.py").write_text("")
    (stillborn / "__main__.py").write_text("raise SystemExit('landfall worker: it cannot live.')")
    ended = landfall(tmp_path, "up", "--quiet", env={"PYTHONPATH": f"{stillborn.parent}:{ROOT}"})
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    told = "worker ended 3 times right after its start (exit code 1): landfall worker: it cannot live."
    assert last == f"landfall up: {told}"
    assert not EmbeddedRedis(tmp_path / ".landfall").alive()


@pytest.mark.slow
def test_quiet_writes_the_logs_to_files(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    log = tmp_path / ".landfall" / "log" / "worker.log"
    with up(tmp_path, "--quiet") as running:
        until(lambda: "worker ready" in log.read_text(), "the worker wrote its log")
        assert running.end() == 0
    assert running.log == ""
    assert not [secret for secret in SECRETS.values() if secret in log.read_text()]


@pytest.mark.slow
def test_as_json_up_announces_itself_in_a_line(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with subprocess.Popen(
        command("up", "--quiet", "--json", "--until-stdin-closes"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert told["url"] == json.loads((tmp_path / ".landfall" / "up.json").read_text())["url"]
        assert (told["home"], told["accounts"]) == (str(tmp_path / ".landfall"), ["shop-ab", "shop-bwp"])
        process.communicate()
    assert process.returncode == 0


@pytest.mark.slow
def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with up(tmp_path) as running:
        until(lambda: "worker ready" in (tmp_path / "up.log").read_text(), "the worker works")
        children = running.children()
        children["worker"].suspend()
        until(lambda: children["worker"].status() == psutil.STATUS_STOPPED, "the worker stands still")
        running.process.send_signal(signal.SIGINT)
        until(
            lambda: not children["api"].is_running() or children["api"].status() == psutil.STATUS_ZOMBIE,
            "the API ended",
        )
        assert running.end(signal.SIGINT) == 130
        assert not children["worker"].is_running()


def test_up_that_is_held_by_its_standard_input_ends_with_it(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    ended = landfall(tmp_path, "up", "--until-stdin-closes")
    assert ended.returncode == 0
    assert not os.path.lexists(tmp_path / ".landfall" / "redis" / "redis.sock")
