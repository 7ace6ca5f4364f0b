"""Keeps child processes running: starts them, starts them again when they die, and ends them."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from cli.failures import CommandError
from cli.output import remark

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_SHORT_LIFE_SECONDS = 5.0  # importing everything takes a second or two before a setting can be found wrong
_HOPELESS = frozenset({1, 2})
_TRIES = 3
_TOLD_BYTES = 2000


class Child:
    """One child process, held by its standard input: it ends by itself when this process is gone."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path | None) -> None:
        """Start nothing yet; `log` takes what it writes, else this process's own standard error."""
        self.name = name
        self._command, self._env, self._log = list(command), dict(env), log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at: float | None = 0.0
        self._short_lives = 0
        self._pause = 0.0

    def keep_running(self) -> None:
        """Start it, and again whenever it died and its pause is over. Raises CommandError where that is hopeless."""
        now = time.monotonic()
        if self._due_at is not None:
            if now >= self._due_at:
                self._start()
        elif self._process and self._process.poll() is not None:
            self._note_death(self._process.returncode, now - self._started_at)
            self._due_at = now + self._pause

    @property
    def due_in(self) -> float | None:
        """Seconds until it is to be started again, None while it runs."""
        return None if self._due_at is None else max(0.0, self._due_at - time.monotonic())

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        """Ask it to end, and never start it again."""
        self._due_at = None
        if self._process and self.running:
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self._process and self.running:
            self._process.kill()

    def close(self) -> None:
        """Collect what is left of it once it has ended."""
        if self._process:
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()

    def _start(self) -> None:
        if self._log:
            with self._log.open("ab") as log:
                self._process = self._popen(log)
        else:
            self._process = self._popen(None)
        self._started_at, self._due_at = time.monotonic(), None

    def _popen(self, stderr: BinaryIO | None) -> subprocess.Popen[bytes]:
        self._close_input()
        return subprocess.Popen(  # noqa: S603 - our own program; its own session, so that Ctrl-C reaches only us
            self._command, env=self._env, stdin=subprocess.PIPE, stdout=stderr, stderr=stderr, start_new_session=True
        )

    def _close_input(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def _note_death(self, code: int, lived: float) -> None:
        short = lived < _SHORT_LIFE_SECONDS
        self._short_lives = self._short_lives + 1 if short and code in _HOPELESS else 0
        if self._short_lives >= _TRIES:
            raise CommandError(f"{self.name} ended {_TRIES} times right after its start ({_end(code)}): {self._last()}")
        self._pause = min(_LONGEST_PAUSE, self._pause * 2) if short and self._pause else _FIRST_PAUSE
        remark(f"landfall up: {self.name} ended ({_end(code)}); it is started again in {self._pause:g} s.")

    def _last(self) -> str:
        """Find its last words where they went to a file."""
        if not self._log:
            return "its message stands above."
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TOLD_BYTES))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"{self._log} is empty."


def _end(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
