"""Makes environments that hold what is asked for and nothing else."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_UV = Path(sys.executable).with_name("uv")
_ENOUGH_SECONDS = 600
# How uv and pip say that they were not answered.
_NO_ANSWER = re.compile(
    r"error sending request|dns error|Connection refused|network|timed out|Could not connect|No matching distribution"
    r"|ConnectionError|NewConnectionError|Temporary failure",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[a-z]+://\S+")


@dataclass(frozen=True)
class Environment:
    """A Python of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *words: str | Path) -> None:
        """Install; skips the test where no index of packages answers."""
        ran = run([_UV, "--quiet", "pip", "install", "--python", self.python, *words], self.folder, os.environ)
        skip_without_an_index(ran)

    def packages(self) -> set[str]:
        said = run([_UV, "--quiet", "pip", "freeze", "--python", self.python], self.folder, os.environ).stdout
        return {re.split(r"==| @ ", line)[0] for line in said.splitlines()}

    def run(self, *words: str | Path, at: Path) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment from another folder, with hardly anything in the variables."""
        program, *rest = words
        plain = {"PATH": "/nonexistent", "HOME": str(at), "LC_ALL": "C.UTF-8"}
        return run([self.folder / "bin" / program, *rest], at, plain)


def make(folder: Path) -> Environment:
    """An environment that holds nothing."""
    made = run([_UV, "--quiet", "venv", "--python", sys.executable, folder], folder.parent, os.environ)
    assert made.returncode == 0, made.stderr
    return Environment(folder)


def skip_without_an_index(ran: "subprocess.CompletedProcess[str]") -> None:
    """Skip where a package could not be had; what went wrong otherwise fails, with addresses left out."""
    said = ran.stdout + ran.stderr
    if ran.returncode and _NO_ANSWER.search(said):
        pytest.skip("no index of packages answers here")
    assert ran.returncode == 0, _ADDRESS.sub("<address>", said[-3000:])


def run(words: Sequence[str | Path], at: Path, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run to the end, in a folder, with these variables and no others."""
    return subprocess.run(
        words,
        cwd=at,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_ENOUGH_SECONDS,
        check=False,
    )
