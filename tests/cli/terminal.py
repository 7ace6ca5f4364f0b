"""Runs the landfall command on a real terminal, a pseudo one, and types into it."""

import contextlib
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.cli.running import command, environment

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A terminal on which a command runs; `shown` is all that could be read on it."""

    def __init__(self, process: "subprocess.Popen[bytes]", descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self._raw = b""
        self._read = 0

    @property
    def raw(self) -> str:
        return self._raw.decode(errors="replace")

    @property
    def shown(self) -> str:
        return _COLOURS.sub("", self._raw.decode(errors="replace").replace("\r\n", "\n"))

    def answer(self, question: str, text: str, *, hidden: bool = False) -> None:
        """Wait until the question is shown, after what was answered before, then type the answer."""
        self.wait_for(question)
        if hidden:
            self._wait_until_nothing_is_echoed()
        os.write(self._descriptor, f"{text}\n".encode())

    def wait_for(self, text: str) -> None:
        while (found := self.shown.find(text, self._read)) < 0:
            assert self._more(), f"{text!r} was never shown:\n{self.shown}"
        self._read = found + len(text)

    def end(self) -> int:
        """Read on to the end and return the exit code."""
        while self._more():
            pass
        return self.process.wait(60)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 60)
        try:
            piece = os.read(self._descriptor, 4096) if ready else b""
        except OSError:  # Linux says so when the other side has closed
            piece = b""
        self._raw += piece
        return bool(piece)

    def _wait_until_nothing_is_echoed(self) -> None:
        end = time.monotonic() + 60
        while termios.tcgetattr(self._descriptor)[3] & termios.ECHO:
            assert time.monotonic() < end, "the terminal goes on echoing"
            time.sleep(0.005)


@contextlib.contextmanager
def terminal(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            command(*words),
            cwd=folder,
            env=environment({"TERM": "xterm", "COLUMNS": "200", **(env or {})}),
            preexec_fn=partial(os.login_tty, theirs),  # noqa: PLW1509 - no thread of ours holds a lock that it needs
        ) as process:
            os.close(theirs)
            try:
                yield Terminal(process, ours)
            finally:
                process.kill()
    finally:
        os.close(ours)
