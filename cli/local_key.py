"""Keeps the admin key of `landfall up` in its home, where the commands on this machine find it."""

import os
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from cli.client import Api
from cli.credentials import KEY_FILE, read_key
from cli.failures import CommandError
from cli.processes import command_line

_ANSWER_SECONDS = 5.0
_NAME = "landfall up"


def keep_local_key(home: Path, api_url: str, env: Mapping[str, str]) -> None:
    """Make a key where there is none, or where the API takes it no more. Raises CommandError where that fails."""
    path = home / KEY_FILE
    key = read_key(path)
    if key and not _is_refused(Api(api_url, key=key, timeout=_ANSWER_SECONDS)):
        return
    _write(path, _make(env))


def _is_refused(api: Api) -> bool:
    try:
        with api.exchange("GET", "/v1/accounts", {}) as reply:
            return reply.status == HTTPStatus.UNAUTHORIZED
    except CommandError:
        return False


def _make(env: Mapping[str, str]) -> str:
    """Make the key in a process of its own: this one stays free of what only the database needs.

    It goes into the database of this home, whatever other Landfall LANDFALL_URL names.
    """
    here = {name: value for name, value in env.items() if name != "LANDFALL_URL"}
    made = subprocess.run(  # noqa: S603 - our own program; its own session, so that Ctrl-C reaches only us
        command_line("cli", "keys", "create", _NAME, "--scope", "admin"),
        env=here,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if made.returncode:
        words = made.stderr.strip().splitlines() or ["no reason was given."]
        raise CommandError(f"the local API key cannot be made: {words[-1].removeprefix('landfall keys: ')}")
    return made.stdout.strip()


def _write(path: Path, key: str) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
