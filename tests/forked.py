"""Starts our programs as children of multiprocessing's fork server, which has imported them already."""

import fcntl
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, PIPE
from typing import Any

from cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(
    [
        *(__name__, "api.main", "uvicorn", "uvloop", "worker.main", "worker.stopping", "cli.parsing", "sandbox.main"),
        *sorted({entry.module for entry in COMMANDS.values() if entry.module}),
    ]
)
# multiprocessing looks after all its children whenever it starts one, and an exit code can be read once only.
_looking = threading.Lock()


def start(name: str, *words: str, folder: Path, env: Mapping[str, str], **files: Any) -> subprocess.Popen[Any]:
    """Start `python -P -m name words…` with Popen's stdin, stdout and stderr; PIPE is possible for stdout, as text."""
    if _early(env) != _early(os.environ | {"PYTHONPATH": str(ROOT)}):
        return start_alone(name, *words, folder=folder, env=env, **files)
    return _Forked((name, *words), folder, env, **files)


def start_alone(name: str, *words: str, folder: Path, env: Mapping[str, str], **files: Any) -> subprocess.Popen[Any]:
    """The same without the fork server."""
    text = files.get("stdout") == PIPE
    return subprocess.Popen([sys.executable, "-P", "-m", name, *words], cwd=folder, env=env, text=text, **files)


def run(name: str, *words: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -P -m name words…` to its end, with nothing to read, and keep what it writes."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        with start(name, *words, folder=folder, env=env, stdin=DEVNULL, stdout=output, stderr=errors) as process:
            code = process.wait()
        for each in (output, errors):
            each.seek(0)
        return subprocess.CompletedProcess((name, *words), code, output.read(), errors.read())


class _Forked(subprocess.Popen[Any]):
    """A child of the fork server, asked like one of our own."""

    _child_created = False  # so that Popen waits for nothing by itself
    stdin = stdout = stderr = None

    def __init__(self, line: tuple[str, ...], folder: Path, env: Mapping[str, str], **files: Any) -> None:
        self.args = line
        self.returncode = None
        with ExitStack() as passed:
            if files.get("stdin") == DEVNULL:
                files["stdin"] = passed.enter_context(Path(os.devnull).open())
            if files.get("stdout") == PIPE:
                ours, theirs = os.pipe()
                self.stdout = os.fdopen(ours, encoding="utf-8")
                files["stdout"] = passed.enter_context(os.fdopen(theirs, "w"))
            given = [files.get(name) or own for own, name in enumerate(("stdin", "stdout", "stderr"))]
            numbers = [file if isinstance(file, int) else file.fileno() for file in given]
            # What multiprocessing knows how to hand over.
            standard = [passed.enter_context(Connection(os.dup(number))) for number in numbers]
            self._process = _server.Process(target=_become, args=(line, folder, dict(env), standard), daemon=True)
            with _looking:
                self._process.start()
        self.pid = self._process.pid  # type: ignore[assignment]  # it has been started

    def poll(self) -> int | None:
        with _looking:
            self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.poll()
        return self.returncode


def _become(line: tuple[str, ...], folder: Path, env: dict[str, str], standard: list["Connection[Any, Any]"]) -> None:
    for number, file in enumerate(standard):
        os.dup2(file.fileno(), number)
        file.close()
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent:
        # The pipe that tells the end of the tests: a test run that is killed itself leaves nothing behind.
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, SIGKILL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, os.O_ASYNC)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[1:] = line[1:]
    runpy.run_module(line[0], run_name="__main__", alter_sys=True)


def _early(env: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter and its loader look at before `__main__`."""
    return {name: value for name, value in env.items() if name.startswith(("PYTHON", "LD_", "DYLD_"))}
