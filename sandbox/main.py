"""Starts the sandbox, says when it is ready, and ends it at a signal."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import sys
from collections.abc import Generator
from typing import TextIO

import uvicorn
import uvloop

from sandbox.app import BUY_WITH_PRIME_PATH, CONTROL_PATH, INTELLIGEMS_PATH, make_app
from sandbox.connections import SandboxProtocol
from sandbox.settings import Settings, read_settings

_BACKLOG = 2048
# Longer than any client's own pool keeps a connection, so that no idle connection is closed under a request.
_KEEP_ALIVE_SECONDS = 600


class _Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to us and says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end)
        yield

    def _end(self) -> None:
        # What is cut off from here on is no fault worth a trace.
        logging.getLogger("uvicorn.error").disabled = True
        self.should_exit = self.force_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._ready, flush=True)  # noqa: T201 - the line that the caller waits for


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _ready_line(base_url: str) -> str:
    return json.dumps(
        {
            "event": "ready",
            "url": base_url,
            "intelligems": base_url + INTELLIGEMS_PATH,
            "buy_with_prime": base_url + BUY_WITH_PRIME_PATH,
            "control": base_url + CONTROL_PATH,
        }
    )


def _serve(settings: Settings, listener: socket.socket, log: TextIO | None) -> None:
    base_url = _base_url(listener)
    config = uvicorn.Config(
        make_app(settings, base_url, log),
        http=SandboxProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Server(config, _ready_line(base_url)).serve([listener]))


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT and return the exit code."""
    settings = read_settings(arguments)
    with contextlib.ExitStack() as opened:
        log = None
        try:
            if settings.control_log is not None:
                log = opened.enter_context(settings.control_log.open("a", encoding="utf-8"))
            listener = opened.enter_context(_listen(settings.host, settings.port))
        except OSError as error:
            print(_sentence(settings, error), file=sys.stderr)  # noqa: T201 - this is a command
            return 1
        _serve(settings, listener, log)
    return 0


def _sentence(settings: Settings, error: OSError) -> str:
    if error.filename is not None:
        return f"The sandbox cannot write {settings.control_log}: {error.strerror}; give another --control-log."
    return (
        f"The sandbox cannot listen on {settings.host} port {settings.port}: {error.strerror}; "
        "give another --port, or 0 for a free one."
    )
