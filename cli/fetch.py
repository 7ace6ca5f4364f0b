"""Saves the CSV of a stored export and proves it against the export's checksum."""

import hashlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from cli.address import api_url
from cli.client import Api
from cli.failures import CommandError, NotStoredError
from cli.output import answer, writing
from cli.parsing import ExportId, Url
from cli.waiting import end_in_words
from cli.words import size

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def fetch(
    export_id: ExportId,
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="PATH|-", help="File or folder; default ID.csv; - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a regular file that is there.")] = False,
    url: Url = None,
) -> None:
    """Save the CSV of a stored export, proven by its SHA-256."""
    api = Api(api_url(url))
    export = api.get(f"/v1/exports/{quote(export_id, safe='')}").body
    if export["state"] != "stored":
        raise NotStoredError(_not_stored(export))
    if output == "-":
        with writing():
            _copy(api, export, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    target = _target(output, export["id"], replace=force)
    with _beside(target, replace=force) as part:
        _copy(api, export, part)
    answer(
        f"{target}: {export['file']['rows']} rows, {size(export['file']['bytes'])}, sha256 {export['file']['sha256']}"
    )


def _not_stored(export: dict[str, Any]) -> str:
    if export["error"]:
        return end_in_words(export)
    return f"export {export['id']} is {export['state']}; its file is there once it is stored."


def _target(output: str | None, export_id: str, *, replace: bool) -> Path:
    """Find the file to write: a link's target stands for the link. Raises CommandError for what is in the way."""
    name = f"{export_id}.csv"
    path = Path(output or name).expanduser()
    with _as_failure(path):
        path = path / name if output and path.is_dir() else path
        if path.is_symlink() and not path.exists():
            raise CommandError(f"{path} is a link that leads nowhere; remove it or name another with --output.")
        target = path.resolve() if path.is_symlink() else path
        if target.exists():
            _check_replaceable(target, allowed=replace)
    return target


def _check_replaceable(target: Path, *, allowed: bool) -> None:
    mode = target.stat().st_mode
    if not stat.S_ISREG(mode):
        raise CommandError(
            f"{target} is {_KINDS.get(stat.S_IFMT(mode), 'no regular file')}, which is never replaced; "
            "name another with --output, or - for standard output."
        )
    if not allowed:
        raise CommandError(f"{target} is there already; name another with --output or overwrite it with --force.")


@contextmanager
def _beside(target: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Write a temporary file in the target's folder that takes the target's name once the block has ended well."""
    part = target.with_name(
        f".landfall-{secrets.token_hex(8)}.part"
    )  # not the target's name: that may be as long as any
    with _as_failure(target):
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(part, target, replace=replace)
        finally:
            part.unlink(missing_ok=True)


def _put_in_place(part: Path, target: Path, *, replace: bool) -> None:
    if not replace:
        target.hardlink_to(part)
        return
    if target.exists():
        shutil.copymode(target, part)  # a file that only its owner reads stays one
    part.replace(target)


@contextmanager
def _as_failure(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"{target} cannot be written ({error.strerror}); name another with --output.") from None


def _copy(api: Api, export: dict[str, Any], file: BinaryIO) -> None:
    """Stream the file. Raises CommandError where what came is not what was stored."""
    digest, found = hashlib.sha256(), export["file"]
    with _progress() as progress:
        task = progress.add_task("", total=found["bytes"])
        for piece in api.download(f"/v1/exports/{export['id']}/file"):
            digest.update(piece)
            file.write(piece)
            progress.advance(task, len(piece))
    if digest.hexdigest() != found["sha256"]:
        raise CommandError(
            f"what came of export {export['id']} has another SHA-256 than what was stored; look at {found['uri']}."
        )


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
