"""Runs the demo's processes, the sandbox and `landfall up`, and ends them whatever happens."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from cli.demo_setting import Setting, write_settings
from cli.failures import CommandError
from cli.processes import PROGRAMS, command_line

_GRACE_SECONDS = 30.0


class Cast:
    """The processes on stage. A context manager: at its end none of them is left."""

    def __init__(self, setting: Setting) -> None:
        """Start nothing yet."""
        self._setting = setting
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start_sandbox(self, seed: int) -> Mapping[str, str]:
        """Start the sandbox and return its addresses by name. Raises CommandError where it does not come up."""
        command = command_line(PROGRAMS["sandbox"], "--port", "0", "--seed", str(seed))
        line = self._start("sandbox", command)
        with contextlib.suppress(ValueError):
            addresses: dict[str, str] = json.loads(line)
            return addresses
        raise self._failure("sandbox")

    def start_landfall(self, sandbox: Mapping[str, str]) -> str:
        """Start `landfall up` against the sandbox and return its address. Raises CommandError as above."""
        write_settings(self._setting, sandbox)
        line = self._start("up", command_line("cli", "up", "--quiet", "--until-stdin-closes"))
        if not line.startswith("Landfall is up at "):
            raise self._failure("up")
        return line.split()[-1]

    @property
    def logs(self) -> str:
        """Where what they wrote is to be found."""
        return " and ".join(str(self._log(name)) for name in self._processes)

    def check(self) -> None:
        """Raise CommandError where one of them has ended before its time."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise CommandError(f"`landfall {name}` ended before the demo did; {self._log(name)} may say why.")

    def __enter__(self) -> Self:
        """Let SIGTERM end the block as Ctrl-C does."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(self, *_: object) -> None:
        """End them all at once; a second Ctrl-C does not keep that from happening."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            _collect(process)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _start(self, name: str, command: list[str]) -> str:
        """Start a process and return the first line that it prints, empty where it ends without any."""
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                env=self._setting.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._processes[name] = process
        return process.stdout.readline().strip() if process.stdout else ""

    def _failure(self, name: str) -> CommandError:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return CommandError(f"{lines[-1] if lines else name + ' did not start'} (see {self._log(name)}).")

    def _log(self, name: str) -> Path:
        return self._setting.folder / f"{name}.log"


def _collect(process: subprocess.Popen[Any]) -> None:
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in _streams(process):
        stream.close()


def _streams(process: subprocess.Popen[Any]) -> Iterator[Any]:
    return (stream for stream in (process.stdin, process.stdout) if stream)
