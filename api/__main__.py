"""Starts the API: `python -m api`."""

import asyncio
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn
import uvloop
from fastapi import FastAPI

from api.http_protocol import protocol_with
from api.main import create_app
from landfall.database.opening import open_database
from landfall.database.revision import require_head
from landfall.garbage import spare_what_is_loaded
from landfall.net.listening import listening_refused
from landfall.settings import Settings
from landfall.starting import start
from landfall.transport.embedded import redis_url

_BACKLOG = 2048
# A transaction on SQLite lets go of the interpreter's lock at each statement and waits so long for a busy event loop.
_SWITCH_SECONDS = 0.0005


def main() -> int:
    """Serve until SIGTERM or SIGINT; exit code 1 with one sentence where the settings are wrong."""
    return start("api", "Serve the HTTP API until stopped.", _serve)


class _Server(uvicorn.Server):
    """A server that ends the live streams before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        """Serve the app as configured."""
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._app.state.feed.close()
        await super().shutdown(sockets)


async def _check_database(settings: Settings) -> None:
    async with open_database(settings) as database:
        await require_head(database)


def _serve(settings: Settings, *, watch_stdin: bool) -> None:
    asyncio.run(_check_database(settings))
    app = create_app(settings, redis_url(settings))
    listening = _listen(settings.api_host, settings.api_port)
    config = uvicorn.Config(
        app,
        loop="none",
        http=protocol_with(settings.api_patience_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Not as uvicorn has it, which believes whoever is on the same machine, and a variable of its own.
        proxy_headers=bool(settings.api_proxies),
        forwarded_allow_ips=list(settings.api_proxies),
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, app)
    # uvicorn raises the signal again once it has stopped; ours makes that a clean end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    if watch_stdin:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    sys.setswitchinterval(_SWITCH_SECONDS)
    spare_what_is_loaded()
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
