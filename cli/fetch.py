"""Saves the CSV of a stored export and proves it against the export's checksum."""

import hashlib
import os
import secrets
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
from cli.output import answer
from cli.parsing import ExportId, Url
from cli.waiting import end_in_words
from cli.words import size


def fetch(
    export_id: ExportId,
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="PATH|-", help="File or folder; default ID.csv; - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    url: Url = None,
) -> None:
    """Save the CSV of a stored export, proven by its SHA-256."""
    api = Api(api_url(url))
    export = api.get(f"/v1/exports/{quote(export_id, safe='')}").body
    if export["state"] != "stored":
        raise NotStoredError(_not_stored(export))
    if output == "-":
        _copy(api, export, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    target = _target(output, export["id"])
    if not force and target.exists():
        raise CommandError(f"{target} is there already; name another with --output or overwrite it with --force.")
    with _beside(target, replace=force) as part:
        _copy(api, export, part)
    answer(
        f"{target}: {export['file']['rows']} rows, {size(export['file']['bytes'])}, sha256 {export['file']['sha256']}"
    )


def _not_stored(export: dict[str, Any]) -> str:
    if export["error"]:
        return end_in_words(export)
    return f"export {export['id']} is {export['state']}; its file is there once it is stored."


def _target(output: str | None, export_id: str) -> Path:
    name = f"{export_id}.csv"
    if output is None:
        return Path(name)
    path = Path(output).expanduser()
    return path / name if path.is_dir() else path


@contextmanager
def _beside(target: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Write a temporary file in the target's folder that takes the target's name once the block has ended well."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(target)
        else:
            target.hardlink_to(part)
    except OSError as error:
        raise CommandError(f"{target} cannot be written ({error.strerror}); name another with --output.") from None
    finally:
        part.unlink(missing_ok=True)


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
