"""Starts the API or a worker: its command line, its settings, its log, and one sentence where it cannot be."""

import argparse
import os
import sys
from typing import Protocol

from landfall import failpoints
from landfall.failpoints import FailpointRefused
from landfall.log import get_logger, set_up_logging
from landfall.settings import Settings, SettingsError, load_settings
from landfall.tracing.switch import switch_off, switch_on


class Work(Protocol):
    """What a process does until it is stopped."""

    def __call__(self, settings: Settings, *, watch_stdin: bool) -> None:
        """Work until SIGTERM or SIGINT or, where it is watched, until standard input is closed."""


def start(name: str, description: str, work: Work) -> int:
    """Read the command line and the settings, and work; give the exit code, which is 1 where a setting is wrong."""
    parser = argparse.ArgumentParser(prog=f"landfall {name}", description=description)
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input is closed")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        set_up_logging(settings.log_level, settings.log_format)
        if armed := failpoints.arm(os.environ):
            get_logger(__name__).warning("failpoints are armed", places=armed)
        switch_on(name, os.environ)
        try:
            work(settings, watch_stdin=arguments.until_stdin_closes)
        finally:
            switch_off()
    except (SettingsError, FailpointRefused) as error:
        print(f"landfall {name}: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0
