"""Promises of `landfall up`: checks first, one sentence, and nothing left behind."""

import json
import os
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from landfall.transport.embedded import EmbeddedRedis
from tests.cli.running import SECRETS, landfall, one_line, until, up, write_accounts

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
    assert not (tmp_path / ".landfall" / "redis").exists()


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


def test_a_second_up_on_the_same_home_names_the_first(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with up(tmp_path) as first:
        ended = landfall(tmp_path, "up")
        assert ended.returncode == 1
        line = one_line(ended.stderr)
        assert f"another `landfall up` runs on {tmp_path}/.landfall" in line
        assert f"(process {first.process.pid}, at {first.url})" in line
        assert landfall(tmp_path, "accounts").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def test_sigkill_lets_the_children_end_and_the_next_up_works(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        env = {"LANDFALL_API_PORT": str(free.getsockname()[1])}
    with up(tmp_path, env=env) as first:
        children = first.children()
        redis = children.pop("redis")
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        with up(tmp_path, env=env) as second:
            assert redis.is_running()
            assert second.url == first.url
            assert landfall(tmp_path, "accounts").returncode == 0
            until(
                lambda: not any(child.is_running() and child.status() != "zombie" for child in children.values()),
                "they ended",
            )
    until(lambda: not redis.is_running() or redis.status() == psutil.STATUS_ZOMBIE, "the adopted Redis ended")


@pytest.mark.parametrize("name", ["api", "worker", "redis"])
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


def test_a_child_that_cannot_live_ends_up_with_its_message(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    ended = landfall(tmp_path, "up", "--quiet", env={"LANDFALL_STORAGE_URL": "ftp://nowhere"})
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert " ended 3 times right after its start (exit code 1): landfall " in last
    assert "storage_url" in last
    assert not EmbeddedRedis(tmp_path / ".landfall").alive()


def test_quiet_writes_the_logs_to_files(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with up(tmp_path, "--quiet") as running:
        assert running.end() == 0
    assert running.log == ""
    assert (tmp_path / ".landfall" / "log" / "worker.log").stat().st_size
    assert not [secret for secret in SECRETS.values() if secret in (tmp_path / ".landfall/log/worker.log").read_text()]


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    with up(tmp_path) as running:
        children = running.children()
        children["worker"].suspend()
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
