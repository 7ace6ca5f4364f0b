"""Starts a worker: `python -m worker`."""

import argparse
import os
import sys
from collections.abc import Callable

import uvloop

from landfall import failpoints
from landfall.failpoints import FailpointRefused
from landfall.garbage import spare_what_is_loaded
from landfall.log import get_logger, set_up_logging
from landfall.settings import Settings, SettingsError, load_settings
from landfall.transport.embedded import EmbeddedRedis, redis_url
from worker.main import serve
from worker.stopping import Stop, stop_on_signals


def main() -> int:
    """Work until SIGTERM or SIGINT; exit code 1 with one sentence where the settings are wrong."""
    parser = argparse.ArgumentParser(prog="landfall worker", description="Run the steps of exports until stopped.")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input is closed")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        set_up_logging(settings.log_level, settings.log_format)
        if armed := failpoints.arm(os.environ):
            get_logger(__name__).warning("failpoints are armed", places=armed)
        _run(settings, watch_stdin=arguments.until_stdin_closes)
    except (SettingsError, FailpointRefused) as error:
        print(f"landfall worker: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0


def _run(settings: Settings, *, watch_stdin: bool) -> None:
    if settings.redis_url:
        uvloop.run(_work(settings, lambda: None, watch_stdin=watch_stdin))
        return
    embedded = EmbeddedRedis(settings.home)
    with embedded.used():
        uvloop.run(_work(settings, embedded.ensure, watch_stdin=watch_stdin))


async def _work(settings: Settings, revive: Callable[[], object], *, watch_stdin: bool) -> None:
    stop = Stop()
    stop_on_signals(stop, watch_stdin=watch_stdin)
    spare_what_is_loaded()
    await serve(settings, redis_url(settings), stop, revive)


if __name__ == "__main__":
    sys.exit(main())
