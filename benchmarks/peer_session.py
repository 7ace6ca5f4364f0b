"""Starts a peer in its own environment and tells it when to begin."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.cases import SLOTS
from benchmarks.contender import Setting
from benchmarks.errors import NotFinishedError, end_of_log
from benchmarks.peers.work import Work
from benchmarks.vendor import ROOT
from landfall.transport.embedded import EmbeddedRedis
from tests.services.postgres import NoPostgresError, running_postgres

PYTHON = ROOT / "build" / "peers" / "bin" / "python"


@dataclass
class PeerSession:
    """A peer that has its workers up; it does everything at once, and once."""

    process: "subprocess.Popen[str]"
    files: Path

    @property
    def processes(self) -> list[psutil.Process]:
        """The peer's main process, whose children the workers are."""
        return [psutil.Process(self.process.pid)]

    @property
    def workers(self) -> list[psutil.Process]:
        """The children, or the main process itself where it does the work."""
        return self.processes[0].children() or self.processes

    def ask(self, exports: int) -> float:  # noqa: ARG002 - the peer was told how many at its start
        """Let it begin."""
        if self.process.stdin:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        return self.hear("accepted")

    def hear(self, event: str) -> float:
        """Wait for the peer to say this. Raises NotFinishedError where it ends before."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise NotFinishedError(
                f"it ended before it was {event}; its log: {end_of_log(self.files.parent / 'peer.log')}"
            )
        told = json.loads(line)
        return float(told["at"])

    def stored_at(self) -> list[float]:
        """When each file was last written."""
        return [path.stat().st_mtime for path in self.files.glob("*.csv")]


@dataclass(frozen=True, slots=True)
class Peer:
    """How a peer is started: its module in benchmarks/peers, its worker processes and what it is told besides."""

    module: str
    workers: int = 1
    postgres: bool = False
    variables: Mapping[str, str] | None = None


def peer(python: Path, wanted: Peer) -> Callable[[Setting], AbstractContextManager[PeerSession]]:
    """Run the peer with the Python of the peers' environment."""

    @contextmanager
    def open_session(setting: Setting) -> Iterator[PeerSession]:
        with ExitStack() as stack:
            redis = EmbeddedRedis(setting.home)
            redis.ensure()
            stack.callback(redis.stop)
            try:
                postgres = stack.enter_context(running_postgres()).new_database() if wanted.postgres else ""
            except NoPostgresError as error:
                raise NotFinishedError(str(error)) from None
            work = _work(setting, wanted, redis.url, postgres)
            yield stack.enter_context(_started(python, wanted, work))

    return open_session


def _work(setting: Setting, wanted: Peer, redis: str, postgres: str) -> Work:
    folder = setting.home / "work"
    folder.mkdir()
    case = setting.case
    return Work(
        base_url=setting.vendor.base_url,
        folder=str(folder),
        redis=redis,
        postgres=postgres,
        accounts=case.accounts,
        exports=case.exports,
        slots=SLOTS,
        mean=case.mean,
        workers=wanted.workers,
    )


@contextmanager
def _started(python: Path, wanted: Peer, work: Work) -> Iterator[PeerSession]:
    folder = Path(work.folder)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **work.as_variable(), **(wanted.variables or {})}
    with (folder / "peer.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [str(python), "-P", "-m", f"benchmarks.peers.{wanted.module}"],
            env=env,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    session = PeerSession(process, folder / "files")
    try:
        session.hear("ready")
        yield session
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """Close its input, which ends it; after a while more firmly, its children first."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()
