"""Names Landfall's programs as processes to be run by the Python that runs this command."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

PROGRAMS = {"api": "api", "worker": "worker", "sandbox": "sandbox", "migrate": "landfall.database.migrate"}


def command_line(module: str, *arguments: str) -> list[str]:
    """Write the command line; -P keeps a folder called `api` in the user's current one from shadowing ours."""
    return [sys.executable, "-P", "-m", module, *arguments]


def own_command() -> str:
    """Write how a shell calls this very landfall: by its name where that finds it, else by its full path."""
    running = Path(sys.argv[0]).absolute()
    if running.name != "landfall" or not running.is_file():
        return shlex.join([sys.executable, "-P", "-m", "cli"])
    found = shutil.which("landfall")
    return "landfall" if found and running.samefile(found) else shlex.quote(str(running))


def become(program: str, arguments: Sequence[str]) -> NoReturn:
    """Turn this process into the program, so that signals and exit codes are its own."""
    sys.stdout.flush()
    os.execv(sys.executable, command_line(PROGRAMS[program], *arguments))  # noqa: S606 - no shell, our own program
