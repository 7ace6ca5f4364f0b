"""Promises of the failpoints: off unless asked for, refused in one sentence, each strike once and counted."""

import ast
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfall import failpoints
from landfall.failpoints import FOLDER, PLACES, VARIABLE, FailpointRefused
from tests.cli.running import ROOT, environment, one_line

OURS = [path for package in ("api", "cli", "landfall", "worker") for path in (ROOT / package).rglob("*.py")]
PASSING = """
import os, sys
from landfall import failpoints
failpoints.arm(os.environ)
for subject in sys.argv[1:]:
    failpoints.reach("poll.answered", subject)
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


def pass_in_a_process(folder: Path, armed: str, *subjects: str) -> int:
    env = environment({VARIABLE: armed, FOLDER: str(folder)})
    return subprocess.run([sys.executable, "-c", PASSING, *subjects], env=env, check=False).returncode


def strikes(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Which functions of the module a file calls, and with which first argument."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="failpoints"), attr=name), args=[first, *_]):
                yield name, str(first.value) if isinstance(first, ast.Constant) else ast.unparse(first)


def test_every_place_is_reached_from_one_line_of_the_code() -> None:
    reached = Counter(place for path in OURS for name, place in calls(path) if name == "reach")
    assert reached == dict.fromkeys(PLACES, 1)


def test_only_the_programs_arm_them_and_nothing_sets_the_variable() -> None:
    armed = {str(path.relative_to(ROOT)): what for path in OURS for name, what in calls(path) if name == "arm"}
    assert armed == {"landfall/starting.py": "os.environ"}
    starting = {str(path.relative_to(ROOT)) for path in OURS if "from landfall.starting" in path.read_text("utf-8")}
    assert starting == {"api/__main__.py", "worker/__main__.py"}
    named = {path.name for path in OURS if VARIABLE in path.read_text(encoding="utf-8")}
    assert named == {"failpoints.py"}


def test_nothing_happens_where_none_is_armed(tmp_path: Path) -> None:
    assert failpoints.arm({FOLDER: str(tmp_path)}) == []
    for place in PLACES:
        failpoints.reach(place)
    assert strikes(tmp_path) == []


@pytest.mark.parametrize(
    ("armed", "code"),
    [
        ("poll.answered=kill", -signal.SIGKILL),
        ("poll.answered=segfault", -signal.SIGSEGV),
        ("poll.answered=exit", 1),
        ("poll.answered=exit:7", 7),
        ("poll.answered=block:0", 0),
    ],
)
def test_each_action_does_what_it_says(tmp_path: Path, armed: str, code: int) -> None:
    assert pass_in_a_process(tmp_path, armed, "exp_1") == code
    assert strikes(tmp_path) == ["poll.answered.1"]


def test_one_stops_the_process_and_it_goes_on_when_it_is_continued(tmp_path: Path) -> None:
    env = environment({VARIABLE: "poll.answered=stop", FOLDER: str(tmp_path)})
    with subprocess.Popen([sys.executable, "-c", PASSING, "exp_1"], env=env) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
    assert process.returncode == 0


def test_one_waits_until_a_file_is_there(tmp_path: Path) -> None:
    env = environment({VARIABLE: "poll.answered=wait:go", FOLDER: str(tmp_path)})
    with subprocess.Popen([sys.executable, "-c", PASSING, "exp_1"], env=env) as process:
        while not strikes(tmp_path):
            assert process.poll() is None
        assert process.poll() is None
        (tmp_path / "go").touch()
    assert process.returncode == 0


def test_one_strikes_once_across_all_processes(tmp_path: Path) -> None:
    codes = [pass_in_a_process(tmp_path, "poll.answered=exit:7", "exp_1") for _ in range(3)]
    assert codes == [7, 0, 0]
    assert strikes(tmp_path) == ["poll.answered.1"]


def test_a_count_says_how_often_it_strikes(tmp_path: Path) -> None:
    assert [pass_in_a_process(tmp_path, "poll.answered=exit:7*2", "exp_1") for _ in range(3)] == [7, 7, 0]
    assert [pass_in_a_process(tmp_path, "poll.answered=exit:7*all", "exp_1") for _ in range(3)] == [7, 7, 7]


def test_a_subject_keeps_it_from_the_others(tmp_path: Path) -> None:
    assert pass_in_a_process(tmp_path, "poll.answered[exp_2]=exit:7", "exp_1", "exp_3") == 0
    assert pass_in_a_process(tmp_path, "poll.answered[exp_2]=exit:7", "exp_1", "exp_2") == 7


def test_the_first_pass_that_counts_can_be_a_later_one(tmp_path: Path) -> None:
    assert pass_in_a_process(tmp_path, "poll.answered=exit:7@3", "exp_1", "exp_1") == 0
    assert pass_in_a_process(tmp_path, "poll.answered=exit:7@3", "exp_1", "exp_1", "exp_1") == 7


@pytest.mark.parametrize(
    ("armed", "sentence"),
    [
        ("start.never=kill", "there is no place 'start.never'; known: accept.committed, "),
        ("start.accepted=burn", "there is no action 'burn'; known: kill, "),
        ("start.accepted=block:long", "there is no action 'block:long'; known: kill, "),
        ("start.accepted=wait", "there is no action 'wait'; known: kill, "),
        ("start.accepted", "'start.accepted' cannot be read; write it as place[subject]=action"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_sentence(tmp_path: Path, armed: str, sentence: str) -> None:
    with pytest.raises(FailpointRefused) as refused:
        failpoints.arm({VARIABLE: armed, FOLDER: str(tmp_path)})
    assert str(refused.value).startswith(f"{VARIABLE}: {sentence}")


@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_program_does_not_start_with_a_failpoint_that_it_does_not_know(tmp_path: Path, program: str) -> None:
    env = environment({VARIABLE: "start.never=kill", FOLDER: str(tmp_path)})
    (tmp_path / "landfall.toml").touch()
    command = [sys.executable, "-P", "-m", program]
    ended = subprocess.run(command, env=env, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert one_line(ended.stderr).startswith(f"landfall {program}: {VARIABLE}: there is no place 'start.never'")


def test_a_folder_to_count_in_is_needed() -> None:
    with pytest.raises(FailpointRefused, match=f"^{FOLDER} names no folder; set it to one"):
        failpoints.arm({VARIABLE: "start.accepted=kill"})
