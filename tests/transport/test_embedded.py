"""Promises of the Redis that Landfall brings along, kept by the real server on a real socket."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis

from landfall.settings import Settings, SettingsError
from landfall.transport.embedded import EmbeddedRedis, redis_url

ROOT = Path(__file__).parents[2]
ENSURE = (
    "import sys, pathlib; from landfall.transport.embedded import EmbeddedRedis;"
    "print(EmbeddedRedis(pathlib.Path(sys.argv[1])).ensure(), flush=True); sys.stdin.read()"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    EmbeddedRedis(folder).stop()


def ensure_elsewhere(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", ENSURE, str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_by(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate()


def servers_of(home: Path) -> list[psutil.Process]:
    folder = home / "redis"
    return [
        process
        for process in psutil.process_iter(["name", "cwd", "status"])
        if process.info["name"] == "valkey-server"
        and process.info["cwd"] == str(folder)
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def process_id(home: Path) -> int:
    with redis.Redis.from_url(EmbeddedRedis(home).url) as client:
        return int(client.info("server")["process_id"])


def test_the_first_caller_starts_a_server_and_the_second_adopts_it(home: Path) -> None:
    first, second = EmbeddedRedis(home), EmbeddedRedis(home)
    assert not first.alive()
    assert first.ensure()
    assert not second.ensure()
    assert second.alive()
    assert len(servers_of(home)) == 1


def test_two_processes_that_ensure_at_once_end_with_one_server(home: Path) -> None:
    processes = [ensure_elsewhere(home) for _ in range(4)]
    assert sorted(said_by(process) for process in processes) == ["False", "False", "False", "True"]
    assert len(servers_of(home)) == 1
    for process in processes:
        let_go(process)


def test_threads_of_one_process_that_ensure_at_once_end_with_one_server(home: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(lambda _: EmbeddedRedis(home).ensure(), range(4)))
    assert started.count(True) == 1
    assert len(servers_of(home)) == 1


def test_it_outlives_a_killed_parent_and_the_next_adopts_it(home: Path) -> None:
    parent = ensure_elsewhere(home)
    assert said_by(parent) == "True"
    pid = process_id(home)
    parent.kill()
    let_go(parent)
    assert not EmbeddedRedis(home).ensure()
    assert process_id(home) == pid


def test_what_was_written_survives_sigkill(home: Path) -> None:
    server = EmbeddedRedis(home)
    server.ensure()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 0)
    os.kill(process_id(home), signal.SIGKILL)
    assert server.ensure()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_the_remains_of_a_dead_server_are_cleared(home: Path) -> None:
    folder = home / "redis"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(EmbeddedRedis(home).socket))
    (folder / "redis.pid").write_text(str(os.getpid()))
    assert EmbeddedRedis(home).ensure()
    assert process_id(home) != os.getpid()


def test_a_server_whose_folder_is_taken_away_is_ended_and_another_started(home: Path) -> None:
    EmbeddedRedis(home).ensure()
    first = process_id(home)
    shutil.rmtree(home)
    assert EmbeddedRedis(home).ensure()
    assert process_id(home) != first
    assert not psutil.pid_exists(first)


def test_stopping_leaves_no_process_no_socket_and_kills_nobody_else(home: Path) -> None:
    server = EmbeddedRedis(home)
    server.ensure()
    server.stop()
    assert not server.alive()
    assert not servers_of(home)
    assert not server.socket.exists()
    (home / "redis" / "redis.pid").write_text(str(os.getpid()))
    server.stop()


def test_stopping_where_nothing_runs_changes_nothing(home: Path) -> None:
    EmbeddedRedis(home).stop()
    assert not home.exists()


def test_a_server_that_hangs_is_named_and_can_still_be_stopped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.transport.embedded.START_SECONDS", 0.2)
    monkeypatch.setattr("landfall.transport.embedded.STOP_SECONDS", 0.2)
    server = EmbeddedRedis(home)
    server.ensure()
    pid = process_id(home)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(SettingsError, match=rf"process {pid}\) but does not answer; end that process"):
        EmbeddedRedis(home).ensure()
    server.stop()
    assert not servers_of(home)


def test_folder_and_socket_are_for_the_owner_only(home: Path) -> None:
    server = EmbeddedRedis(home)
    server.ensure()
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


def test_it_keeps_an_append_only_file_refuses_to_forget_and_has_no_port(home: Path) -> None:
    server = EmbeddedRedis(home)
    server.ensure()
    with redis.Redis.from_url(server.url) as client:
        config = client.config_get("*")
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }
    assert {name: config[name] for name in wanted} == wanted


def test_it_has_a_session_of_its_own(home: Path) -> None:
    EmbeddedRedis(home).ensure()
    assert os.getsid(process_id(home)) != os.getsid(0)


@pytest.mark.parametrize("name", ["x" * 120, "with a space", "50% é#?"])
def test_a_home_that_no_socket_or_url_can_name_gets_a_private_folder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")  # noqa: S108 - pytest's own is longer than a socket may be
    home = tmp_path / name
    server = EmbeddedRedis(home)
    assert len(os.fsencode(server.socket)) <= 107
    assert server.socket == EmbeddedRedis(home).socket
    assert server.ensure()
    try:
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert process_id(home) in {process.pid for process in servers_of(home)}
    finally:
        server.stop()
    assert not server.socket.parent.exists()


@pytest.mark.parametrize("temporary", ["t" * 120, "a b"])
def test_it_starts_where_home_and_temporary_folder_are_both_unfit_for_a_socket(
    tmp_path: Path, temporary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / temporary))
    home = tmp_path / ("x" * 120)
    server = EmbeddedRedis(home)
    assert server.ensure()
    try:
        assert process_id(home) in {process.pid for process in servers_of(home)}
    finally:
        server.stop()
    assert not server.socket.parent.exists()


def test_a_private_folder_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    server = EmbeddedRedis(tmp_path / ("x" * 120))
    server.socket.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="not a folder of this user"):
        server.ensure()
    server.socket.parent.unlink()


def test_a_home_that_is_a_file_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(SettingsError, match=r"^home: the embedded Redis cannot use .* make it writable"):
        EmbeddedRedis(tmp_path / "home").ensure()


def test_a_server_that_cannot_start_points_to_its_log_and_the_cure(home: Path) -> None:
    (home / "redis").mkdir(parents=True)
    (home / "redis" / "appendonlydir").write_text("no folder")
    with pytest.raises(SettingsError, match=r"redis\.log says why; .* delete .* and try again"):
        EmbeddedRedis(home).ensure()


def test_the_redis_that_the_settings_name_wins(tmp_path: Path) -> None:
    named = Settings(home=tmp_path, redis_url="redis://redis.test:6379/3")
    assert redis_url(named) == "redis://redis.test:6379/3"
    assert redis_url(Settings(home=tmp_path)) == EmbeddedRedis(tmp_path).url
