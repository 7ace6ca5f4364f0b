"""Runs API, worker and embedded Redis in one go and keeps them running until it is told to stop."""

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.checks import Checked, check_settings, free_port
from cli.children import Child
from cli.client import Api
from cli.failures import DONE, INTERRUPTED, CommandError
from cli.fields import write_fields
from cli.local_key import keep_local_key
from cli.one_home import Home, hold
from cli.output import answer, remark
from cli.parsing import AsJson
from cli.processes import PROGRAMS, command_line, own_command
from cli.signals import Watch
from cli.words import aligned
from landfall.database.urls import is_postgres
from landfall.settings import SettingsError
from landfall.transport.embedded import EmbeddedRedis
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS

_SOON, _LATER = 0.05, 2.0
_ANSWER_SECONDS = 1.0
_EXTRA_GRACE_SECONDS = 5.0
_PORT_PATIENCE_SECONDS = 10.0
_SLOW_START_SECONDS = 20.0


def up(
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Write the logs to <home>/log/*.log.")] = False,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="Stop when standard input is closed.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Run API, worker and embedded Redis until Ctrl-C; everything is checked before anything starts."""
    try:
        checked = check_settings()
        with hold(checked.settings.home) as home, Watch(stdin=until_stdin_closes) as watch:
            port = free_port(checked.settings, patience=_PORT_PATIENCE_SECONDS if home.left_over else 0.0)
            return _run(checked, home, watch, port, quiet=quiet, as_json=as_json)
    except SettingsError as error:
        raise CommandError(str(error)) from None


def _run(checked: Checked, home: Home, watch: Watch, port: int, *, quiet: bool, as_json: bool) -> int:
    settings = checked.settings
    redis = None if settings.redis_url else EmbeddedRedis(settings.home)
    env = os.environ | {"LANDFALL_API_PORT": str(port)}
    url = settings.model_copy(update={"api_port": port}).api_url
    children = [_child(name, env, settings.home / "log" if quiet else None) for name in ("api", "worker")]
    _migrate(env, watch, *(["--check"] if is_postgres(settings.database_url) else []))
    if watch.requests:
        return INTERRUPTED if watch.interrupted else DONE
    with redis.used() if redis else contextlib.nullcontext():
        try:
            _supervise(children, redis, watch, Readiness(url, lambda: _open(home, checked, url, env, as_json=as_json)))
        finally:
            clean = _stop(children, watch, settings.grace_seconds + _EXTRA_GRACE_SECONDS)
        return DONE if clean else INTERRUPTED


def _child(name: str, env: Mapping[str, str], logs: Path | None) -> Child:
    if logs:
        logs.mkdir(mode=0o700, exist_ok=True)
    return Child(name, command_line(name, "--until-stdin-closes"), env, logs and logs / f"{name}.log")


def _migrate(env: Mapping[str, str], watch: Watch, *arguments: str) -> None:
    """Migrate in a process of its own: this one stays free of what only migrations need.

    It comes first, for it also checks the database; one on a server, which others may use, is only looked at. A request
    to end ends it too: SQLite takes back what was not committed.
    """
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(  # noqa: S603 - our own program; its own session, so that Ctrl-C reaches only us
            command_line(PROGRAMS["migrate"], *arguments),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while process.poll() is None:
            if watch.requests:
                process.terminate()
            watch.wait(_LATER)
        if process.returncode and not watch.requests:
            told.seek(0)
            words = told.read().decode("utf-8", "replace").strip().removeprefix("landfall migrate: ")
            raise CommandError(words or "the database cannot be migrated.")


class Readiness:
    """Asks the API until it is ready, and acts once when it is."""

    def __init__(self, url: str, act: Callable[[], None]) -> None:
        """Ask nothing yet."""
        self._api = Api(url, timeout=_ANSWER_SECONDS)
        self._act = act
        self._slow_at = time.monotonic() + _SLOW_START_SECONDS
        self.reached = False

    def look(self) -> None:
        """Ask, unless it was ready before."""
        if self.reached:
            return
        if self._api.is_ready():
            self.reached = True
            self._act()
        elif time.monotonic() > self._slow_at:
            self._slow_at += _SLOW_START_SECONDS
            remark("landfall up: the API is not ready yet; its log says what it waits for.")


def _supervise(children: Sequence[Child], redis: EmbeddedRedis | None, watch: Watch, readiness: Readiness) -> None:
    while not watch.requests:
        for child in children:
            child.keep_running()
        if redis and not redis.alive():
            _bring_back(redis)
        readiness.look()
        pauses = [child.due_in for child in children if child.due_in is not None]
        watch.wait(min([*pauses, _LATER if readiness.reached else _SOON]))


def _bring_back(redis: EmbeddedRedis) -> None:
    try:
        if redis.ensure():
            remark("landfall up: the embedded Redis ended; it was started again.")
    except SettingsError as error:
        remark(f"landfall up: {error}")


def _stop(children: Sequence[Child], watch: Watch, patience: float) -> bool:
    """End the children within `patience` seconds, or at once when asked a second time; False if any was killed."""
    end, asked = time.monotonic() + patience, watch.requests
    for child in children:
        child.terminate()
    while any(child.running for child in children) and watch.requests == asked and time.monotonic() < end:
        watch.wait(_LATER)
    clean = not any(child.running for child in children)
    for child in children:
        child.kill()
        child.close()
    return clean


def _open(home: Home, checked: Checked, url: str, env: Mapping[str, str], *, as_json: bool) -> None:
    keep_local_key(checked.settings.home, url, env)
    home.announce(url)
    if as_json:
        answer(json.dumps({"url": url, "home": str(checked.settings.home), "accounts": list(checked.accounts)}))
        return
    answer(f"Landfall is up at {url}")
    facts = [
        ("home", str(checked.settings.home)),
        ("accounts", ", ".join(f"{name} ({account.vendor})" for name, account in checked.accounts.items())),
        ("try", _example(*next(iter(checked.accounts.items())))),
        ("stop", "Ctrl-C"),
    ]
    answer("\n".join(aligned(facts)))


def _example(name: str, account: Account) -> str:
    return f"{own_command()} submit {name} {write_fields(VENDORS[account.vendor].request.example)} --wait"
