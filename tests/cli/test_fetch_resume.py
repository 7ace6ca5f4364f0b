"""Promises of `landfall fetch` where connections break, commands are killed and the file is in an object store."""

import hashlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from landfall_client.errors import NotLandfall
from landfall_client.links import behind
from landfall_client.part import Part
from tests.cli.file_server import EXPORT_ID, FileServer, Plan, file_server
from tests.cli.running import command, environment, landfall, one_line, until

CONTENT = os.urandom(3_000_000)
HALF = 1_500_000
SECRET = "X-Amz-Signature=planted-signature"


def fetch(folder: Path, server: FileServer, *words: str) -> subprocess.CompletedProcess[str]:
    return landfall(folder, "fetch", EXPORT_ID, "--url", server.url, *words)


def saved(folder: Path) -> bytes:
    """The content of the only file there."""
    (path,) = folder.iterdir()
    assert path.name == f"{EXPORT_ID}.csv"
    return path.read_bytes()


@contextmanager
def interrupted(folder: Path, server: FileServer, number: int) -> Iterator[subprocess.Popen[str]]:
    """A fetch that was sent the signal once half of the file had come; it has ended within the block."""
    words = command("fetch", EXPORT_ID, "--url", server.url)
    with subprocess.Popen(words, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        until(lambda: [path.stat().st_size for path in folder.iterdir()] == [HALF], "half of the file came")
        process.send_signal(number)
        process.wait(60)
        yield process


def test_a_connection_that_breaks_is_taken_up_again_where_it_broke(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF), Plan(cut=7)) as server:
        ended = fetch(tmp_path, server)
        assert ended.returncode == 0, ended.stderr
    assert saved(tmp_path) == CONTENT
    assert [asked.get("range") for asked in server.asked] == [None, f"bytes={HALF}-", f"bytes={HALF + 7}-"]
    assert [asked.get("if-range") for asked in server.asked] == [None, *[f'"{server.sha256}"'] * 2]


def test_a_connection_that_brings_nothing_ends_the_command_and_keeps_what_came(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF), Plan(cut=0)) as server:
        ended = fetch(tmp_path, server)
        assert ended.returncode == 1
        (part,) = tmp_path.iterdir()
        words = f"broke before the file was whole; try again. 1.4 MiB of 2.9 MiB are kept in {part.name}; the same "
        assert words in one_line(ended.stderr)
        assert fetch(tmp_path, server).returncode == 0
    assert saved(tmp_path) == CONTENT
    assert server.asked[-1]["range"] == f"bytes={HALF}-"


def test_a_killed_command_is_gone_on_with_by_the_next(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF, stall=True)) as server:
        with interrupted(tmp_path, server, signal.SIGKILL):
            server.going_on.set()
        ended = fetch(tmp_path, server)
        assert ended.returncode == 0, ended.stderr
    assert saved(tmp_path) == CONTENT
    assert server.asked[-1]["range"] == f"bytes={HALF}-"


def test_ctrl_c_keeps_what_came_and_says_how_to_go_on(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF, stall=True)) as server:
        with interrupted(tmp_path, server, signal.SIGINT) as process:
            assert process.returncode == 130
            assert process.stderr
            told = process.stderr.read()
        assert "1.4 MiB of 2.9 MiB are kept in " in told
        assert told.endswith("; the same command goes on from there.\n")
        assert "Traceback" not in told
        assert fetch(tmp_path, server).returncode == 0
    assert saved(tmp_path) == CONTENT
    assert server.asked[-1]["range"] == f"bytes={HALF}-"


def test_a_part_that_was_spoilt_is_fetched_anew(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF), Plan(cut=0)) as server:
        fetch(tmp_path, server)
        (part,) = tmp_path.iterdir()
        part.write_bytes(b"spoilt" * 1000)
        ended = fetch(tmp_path, server)
        assert ended.returncode == 0, ended.stderr
    assert saved(tmp_path) == CONTENT
    assert [asked.get("range") for asked in server.asked[2:]] == ["bytes=6000-", None]


@pytest.mark.parametrize("plan", [Plan(ignore_range=True), Plan(status=416), Plan(content_range="bytes 0-1/2")])
def test_a_server_that_does_not_go_on_where_asked_starts_over(tmp_path: Path, plan: Plan) -> None:
    with file_server(CONTENT, Plan(cut=HALF), plan) as server:
        ended = fetch(tmp_path, server)
        assert ended.returncode == 0, ended.stderr
    assert saved(tmp_path) == CONTENT


def test_a_server_that_never_goes_on_where_asked_is_given_up(tmp_path: Path) -> None:
    plans = [Plan(cut=HALF), Plan(status=416)] * 2
    with file_server(CONTENT, *plans) as server:
        ended = fetch(tmp_path, server)
    assert ended.returncode == 1
    assert "has no such part of the file; try again." in one_line(ended.stderr)


def test_what_came_whole_before_the_command_died_is_only_put_in_place(tmp_path: Path) -> None:
    target = tmp_path / f"{EXPORT_ID}.csv"
    with file_server(CONTENT) as server:
        with Part(target, server.sha256) as part:
            part.write(CONTENT)
        assert fetch(tmp_path, server, "-o", str(target)).returncode == 0
    assert saved(tmp_path) == CONTENT
    assert server.asked == []


def test_a_part_of_another_file_is_not_resumed(tmp_path: Path) -> None:
    target = tmp_path / f"{EXPORT_ID}.csv"
    with file_server(CONTENT) as server:
        with Part(target, "0" * 64) as part:
            part.write(b"another")
        assert fetch(tmp_path, server).returncode == 0
    assert "range" not in server.asked[0]
    assert target.read_bytes() == CONTENT


def test_no_more_is_taken_than_was_stored(tmp_path: Path) -> None:
    with file_server(CONTENT) as server:
        export = server.export()
        export["file"]["bytes"] = 10
        server.export = lambda: export  # type: ignore[method-assign]
        ended = fetch(tmp_path, server)
    assert ended.returncode == 1
    assert "has another SHA-256 than what was stored" in one_line(ended.stderr)
    assert list(tmp_path.iterdir()) == []


def test_two_commands_do_not_write_the_same_file_at_once(tmp_path: Path) -> None:
    target = tmp_path / f"{EXPORT_ID}.csv"
    with file_server(CONTENT) as server, Part(target, server.sha256) as part:
        part.write(CONTENT[:10])
        ended = fetch(tmp_path, server, "-o", str(target))
        assert ended.returncode == 1
        assert f"somebody else is writing {target}; wait for that" in one_line(ended.stderr)
        assert part.path.read_bytes() == CONTENT[:10]


def test_a_part_that_somebody_else_laid_there_is_not_taken_up(tmp_path: Path) -> None:
    target, other = tmp_path / f"{EXPORT_ID}.csv", tmp_path / "other"
    other.write_bytes(b"")
    with file_server(CONTENT) as server:
        Part(target, server.sha256).path.symlink_to(other)
        ended = fetch(tmp_path, server, "-o", str(target))
    assert ended.returncode == 1
    assert "is not a file of yours; remove it or name another target." in one_line(ended.stderr)
    assert other.read_bytes() == b""


def test_where_room_runs_out_what_came_is_kept(tmp_path: Path) -> None:
    limited = ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh"]  # blocks of 512 or 1024 bytes
    with file_server(CONTENT) as server:
        words = [*limited, *command("fetch", EXPORT_ID, "--url", server.url)]
        ended = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "cannot be written (File too large); make room for it. " in one_line(ended.stderr)
        assert "; the same command goes on from there." in ended.stderr
        assert fetch(tmp_path, server).returncode == 0
    assert saved(tmp_path) == CONTENT
    assert int(server.asked[-1]["range"].removeprefix("bytes=").removesuffix("-")) >= 1_000_000


def test_a_broken_connection_does_not_break_a_pipe(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF)) as server:
        words = command("fetch", EXPORT_ID, "--url", server.url, "-o", "-")
        piped = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert piped.stdout == CONTENT


def test_a_pipe_gets_no_byte_twice(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF), Plan(ignore_range=True)) as server:
        words = command("fetch", EXPORT_ID, "--url", server.url, "-o", "-")
        piped = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert piped.stdout == CONTENT


def test_a_redirect_to_the_object_store_is_followed_without_our_headers(tmp_path: Path) -> None:
    with file_server(CONTENT, Plan(cut=HALF)) as store, file_server(CONTENT) as server:
        server.plans += [Plan(location=f"{store.url}/bucket/a%20b.csv?{SECRET}")] * 2
        ended = fetch(tmp_path, server)
        assert ended.returncode == 0, ended.stderr
    assert saved(tmp_path) == CONTENT
    assert store.paths == [f"/bucket/a%20b.csv?{SECRET}"] * 2
    assert [set(asked) for asked in store.asked] == [{"host", "accept-encoding"}, {"host", "accept-encoding", "range"}]
    assert store.asked[1]["range"] == f"bytes={HALF}-"
    assert "planted" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("{store}/x?{secret}", "did not give the file (HTTP 403); try again."),
        ("http://127.0.0.1:9/x?{secret}", "the store at http://127.0.0.1:9 does not answer; try again."),
        ("ftp://127.0.0.1/x?{secret}", "redirects to where nobody may follow; "),
        ("http://[::1/x?{secret}", "redirects to where nobody may follow; "),
        ("http://127.0.0.1:port/x?{secret}", "is no address"),
    ],
)
def test_a_link_that_leads_nowhere_gets_one_sentence_without_its_query(
    tmp_path: Path, location: str, sentence: str
) -> None:
    with file_server(CONTENT, Plan(status=403)) as store, file_server(CONTENT) as server:
        server.plans.append(Plan(location=location.format(store=store.url, secret=SECRET)))
        ended = landfall(tmp_path, "--debug", "fetch", EXPORT_ID, "--url", server.url)
    assert ended.returncode == 1
    assert sentence in ended.stderr.splitlines()[-1]
    assert "planted" not in ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_redirects_end(tmp_path: Path) -> None:
    with file_server(CONTENT) as server:
        server.plans += [Plan(location=f"{server.url}/again?{SECRET}")] * 9
        ended = fetch(tmp_path, server)
    assert ended.returncode == 1
    assert "redirects to where nobody may follow" in one_line(ended.stderr)
    assert len(server.asked) == 4


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    with pytest.raises(NotLandfall, match="nobody may follow") as caught:
        behind("https://api.example", f"http://store.example/x?{SECRET}", 1)
    assert "planted" not in str(caught.value)
    assert behind("http://api.example", "https://store.example/x", 1) == "https://store.example/x"


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with file_server(CONTENT, Plan(cut=HALF, stall=True)) as server, os.fdopen(ours, "rb", buffering=0) as terminal:
        words = command("fetch", EXPORT_ID, "--url", server.url)
        env = environment({"COLUMNS": "120", "TERM": "xterm"})
        process = subprocess.Popen(words, cwd=tmp_path, env=env, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        shown = b""
        while b"1.5/3.0 MB" not in shown:
            shown += terminal.read(65536)
        server.going_on.set()
        while True:
            try:
                shown += terminal.read(65536)
            except OSError:  # Linux says so at the end of a terminal
                break
        assert process.wait(60) == 0
    assert hashlib.sha256(saved(tmp_path)).digest() == hashlib.sha256(CONTENT).digest()
