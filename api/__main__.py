"""Starts the API: `python -m api`."""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn
import uvloop

from api.main import create_app
from landfall import failpoints
from landfall.database.opening import open_database
from landfall.database.revision import require_head
from landfall.failpoints import FailpointRefused
from landfall.log import get_logger, set_up_logging
from landfall.settings import Settings, SettingsError, listening_refused, load_settings
from landfall.transport.embedded import redis_url

_BACKLOG = 2048


def main() -> int:
    """Serve until SIGTERM or SIGINT; exit code 1 with one sentence where the settings are wrong."""
    parser = argparse.ArgumentParser(prog="landfall api", description="Serve the HTTP API until stopped.")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input is closed")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        set_up_logging(settings.log_level, settings.log_format)
        if armed := failpoints.arm(os.environ):
            get_logger(__name__).warning("failpoints are armed", places=armed)
        asyncio.run(_check_database(settings))
        _serve(settings, watch_stdin=arguments.until_stdin_closes)
    except (SettingsError, FailpointRefused) as error:
        print(f"landfall api: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0


async def _check_database(settings: Settings) -> None:
    async with open_database(settings) as database:
        await require_head(database)


def _serve(settings: Settings, *, watch_stdin: bool) -> None:
    app = create_app(settings, redis_url(settings))
    listening = _listen(settings.api_host, settings.api_port)
    config = uvicorn.Config(
        app, loop="none", http="httptools", log_config=None, access_log=False, timeout_graceful_shutdown=10
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has stopped; ours makes that a clean end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    if watch_stdin:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    uvloop.run(server.serve(sockets=[listening]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        raise listening_refused(host, port, error) from None


def _stopped(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the server has stopped already."""


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    # os.read, not sys.stdin: a daemon thread that holds its lock at exit aborts the interpreter.
    while os.read(0, 1024):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
