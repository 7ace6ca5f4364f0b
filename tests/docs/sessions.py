"""Keeps a shell and a Python alive from one block of a page to the next, so that each finds what the one before has set."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from select import select
from types import TracebackType
from typing import Self

import psutil
import pytest

PATIENCE_SECONDS = 120.0
_DRIVER = """
import os, sys
__name__ = "__main__"
for _line in sys.stdin:
    exec(compile(open(_line.strip(), encoding="utf-8").read(), _line.strip(), "exec"), globals())
    sys.stdout.flush()
    os.write({told}, b"0\\n")
"""


class _Session:
    """A process that takes the names of files to run, and says when it is done with one."""

    suffix = ""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._blocks = folder.parent / f"{folder.name}-blocks{self.suffix}"
        self._blocks.mkdir(exist_ok=True)
        self._log = self._blocks / "log"
        self._told, telling = os.pipe()
        self._count = 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(telling),
                executable=shutil.which(self.command(telling)[0], path=env["PATH"]),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[telling],
                start_new_session=True,
                text=True,
            )
        os.close(telling)

    def command(self, telling: int) -> list[str]:
        raise NotImplementedError

    def call(self, path: Path) -> str:
        raise NotImplementedError

    def run(self, text: str, name: str = "") -> str:
        """Run the text to its end and return what it wrote; the test fails where it fails or does not end."""
        self._count += 1
        path, before = self._blocks / f"{self._count:03}{self.suffix}", self._log.stat().st_size
        path.write_text(text, encoding="utf-8")
        assert self.process.stdin
        self.process.stdin.write(self.call(path))
        self.process.stdin.flush()
        done, what = self._end_of_it()
        written = self._log.read_bytes()[before:].decode(errors="replace")
        if not done:
            pytest.fail(f"{name} {what}:\n{text}\n--- it wrote:\n{written[-3000:]}", pytrace=False)
        return written

    def _end_of_it(self) -> tuple[bool, str]:
        """Whether it came to its end, else why not; what it left running may still hold the pipe."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            gone = self.process.poll() is not None
            if select([self._told], [], [], 0.2)[0]:
                return bool(os.read(self._told, 100)), "failed"
            if gone:
                return False, "failed"
        return False, f"did not end within {PATIENCE_SECONDS:g} s"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, and whatever it has left running."""
        left = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        for each in left:
            if each.is_running():
                each.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(left, timeout=60)
        for each in alive:
            each.kill()
        self.process.kill()
        self.process.wait()
        assert self.process.stdin
        self.process.stdin.close()
        os.close(self._told)


class Shell(_Session):
    """A bash that gives up at the first command that fails."""

    suffix = ".sh"

    def command(self, telling: int) -> list[str]:
        self._telling = telling
        return ["bash", "--norc", "-e"]

    def call(self, path: Path) -> str:
        return f". {shlex.quote(str(path))} </dev/null; echo 0 >&{self._telling}\n"

    def read(self, line: str) -> str:
        """What a command line writes."""
        return self.run(line).strip()


class Python(_Session):
    """A Python whose names stay."""

    suffix = ".py"

    def command(self, telling: int) -> list[str]:
        return ["python", "-c", _DRIVER.format(told=telling)]

    def call(self, path: Path) -> str:
        return f"{path}\n"
