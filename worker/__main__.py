"""Starts a worker: `python -m worker`."""

import sys
from collections.abc import Callable

import uvloop

from landfall.garbage import spare_what_is_loaded
from landfall.settings import Settings
from landfall.starting import start
from landfall.transport.embedded import EmbeddedRedis, redis_url
from worker.main import serve
from worker.stopping import Stop, stop_on_signals


def main() -> int:
    """Work until SIGTERM or SIGINT; exit code 1 with one sentence where the settings are wrong."""
    return start("worker", "Run the steps of exports until stopped.", _work)


def _work(settings: Settings, *, watch_stdin: bool) -> None:
    if settings.redis_url:
        uvloop.run(_work_until_stopped(settings, lambda: None, watch_stdin=watch_stdin))
        return
    embedded = EmbeddedRedis(settings.home)
    with embedded.used():
        uvloop.run(_work_until_stopped(settings, embedded.ensure, watch_stdin=watch_stdin))


async def _work_until_stopped(settings: Settings, revive: Callable[[], object], *, watch_stdin: bool) -> None:
    stop = Stop()
    stop_on_signals(stop, watch_stdin=watch_stdin)
    spare_what_is_loaded()
    await serve(settings, redis_url(settings), stop, revive)


if __name__ == "__main__":
    sys.exit(main())
