"""Promises of `landfall demo`."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.cli.running import body, command, environment, landfall, one_line, until


def processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        cwd = process.info["cwd"] or ""
        if cwd.startswith(str(folder)) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.mark.slow
def test_the_demo_stores_twelve_exports_that_agree_with_the_sandbox_and_leaves_nothing_running(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "demo", "--seed", "11")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("agrees with the sandbox") == 12
    assert "as the sandbox counted: at most 5 (limit 5)." in ended.stdout
    assert processes_of(tmp_path) == []
    for line in ended.stdout.splitlines():
        if line.startswith(("  head ", "  sqlite3 ")):
            assert subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True).stdout
    assert len(list(tmp_path.glob(".landfall-demo/*/home/files/**/*.csv"))) == 12


@pytest.mark.slow
def test_as_json_the_demo_answers_with_one_document(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "demo", "--json")
    told = body(ended)
    assert (ended.returncode, told["good"], told["most_started"]) == (0, True, 5)
    assert [export["state"] for export in told["exports"]] == ["stored"] * 12
    assert "Everything is stopped again." in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), [("sandbox", "sandbox"), ("cli", "up")])
def test_a_process_that_ends_under_the_demo_ends_it_at_once_and_its_log_is_named(
    tmp_path: Path, module: str, name: str
) -> None:
    folder = tmp_path / "demo"
    with subprocess.Popen(
        command("demo", "--home", str(folder)),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout
        assert demo.stderr
        until(lambda: "slots used" in (demo.stdout.readline() if demo.stdout else ""), "exports move")
        (child,) = (each for each in psutil.Process(demo.pid).children() if f"-m {module} " in " ".join(each.cmdline()))
        child.kill()
        demo.stdout.read()
        said = demo.stderr.read()
    assert demo.returncode == 1
    assert one_line(said) == (
        f"landfall demo: `landfall {name}` ended before the demo did; {folder / name}.log may say why."
    )
    until(lambda: not processes_of(tmp_path), "what the killed process had started has noticed and ended")


@pytest.mark.slow
def test_ctrl_c_stops_everything_that_the_demo_started(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("demo", "--home", str(tmp_path / "demo")),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout
        assert demo.stderr
        until(lambda: "slots used" in (demo.stdout.readline() if demo.stdout else ""), "exports move")
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert "Traceback" not in demo.stderr.read()
    assert demo.returncode == 130
    assert processes_of(tmp_path) == []


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    ended = landfall(tmp_path, "demo", "--home", str(tmp_path))
    assert ended.returncode == 1
    assert "is not empty; name another folder with --home." in one_line(ended.stderr)
