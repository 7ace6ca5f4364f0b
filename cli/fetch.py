"""Saves the CSV of a stored export, also where an earlier command was interrupted."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.client import Api, as_failures
from cli.connecting import connect
from cli.failures import CommandError, NotStoredError, UnreachableError, WrongInputError
from cli.output import answer, remark, writing
from cli.parsing import AsJson, ExportId, KeyFile, Url
from cli.progress import bytes_progress
from cli.waiting import end_in_words
from landfall.sizes import size
from landfall_client.downloading import Passage, Sink, Wanted, bring
from landfall_client.effects import Flow, Work
from landfall_client.errors import FileDiffers, Unreachable
from landfall_client.part import Part
from landfall_client.reading import file_of

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
        typer.Option(
            "--output",
            "-o",
            metavar="PATH|-",
            help="File or folder; default ID.csv, .gz or .zst behind it where it is packed; - is stdout.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a regular file that is there.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Save the CSV of a stored export as it lies in the store, proven by its SHA-256."""
    if as_json and output == "-":
        raise WrongInputError(
            "--json: standard output takes the file; name another with --output, or leave --json out."
        )
    api = connect(url, key_file)
    export = api.get(f"/v1/exports/{quote(export_id, safe='')}").body
    if export["state"] != "stored":
        raise NotStoredError(_not_stored(export))
    file = file_of(export["file"])
    if file is None:
        raise NotStoredError(f"export {export_id} has no file; look at it with `landfall show {export_id}`.")
    wanted = Wanted(api.place, export["id"], file)
    if output == "-":
        with writing(), as_failures():
            _bring(api, wanted, _StandardOutput())
            sys.stdout.buffer.flush()
        return
    target = _target(output, export["id"] + file.suffix, replace=force)
    _save(api, wanted, target, replace=force)
    if as_json:
        answer(json.dumps(export | {"path": str(target)}, ensure_ascii=False))
        return
    answer(
        f"{target}: {export['file']['rows']} rows, {size(export['file']['bytes'])}, sha256 {export['file']['sha256']}"
    )


def _not_stored(export: dict[str, Any]) -> str:
    if export["error"]:
        return end_in_words(export)
    return f"export {export['id']} is {export['state']}; its file is there once it is stored."


def _target(output: str | None, name: str, *, replace: bool) -> Path:
    """Find the file to write: a link's target stands for the link. Raises CommandError for what is in the way."""
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
def _as_failure(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"{target} cannot be written ({error.strerror}); name another with --output.") from None


def _save(api: Api, wanted: Wanted, target: Path, *, replace: bool) -> None:
    """Bring the file, from where an earlier command was interrupted, and put it in place."""
    total = wanted.file.bytes
    with _as_failure(target), as_failures(), Part(target, wanted.file.sha256) as part:
        try:
            _bring(api, wanted, part)
        except FileDiffers:
            part.restart()
            raise
        except KeyboardInterrupt:
            if part.held:
                remark(f"\n{_kept(part, total)}")
            raise
        except Unreachable as error:
            raise UnreachableError(f"{error} {_kept(part, total)}" if part.held else str(error)) from None
        except OSError as error:
            kept = f" {_kept(part, total)}" if part.held else ""
            raise CommandError(f"{target} cannot be written ({error.strerror}); make room for it.{kept}") from None
        part.put_in_place(replace=replace)


def _bring(api: Api, wanted: Wanted, sink: Sink) -> None:
    with bytes_progress(wanted.file.bytes, sink.held) as advance:
        api.driver.run(bring(wanted, sink, advance))


class _StandardOutput(Passage):
    """Hands every byte on to standard output, which can give none back."""

    def give(self, piece: bytes) -> Flow[None]:
        yield Work(lambda: sys.stdout.buffer.write(piece))


def _kept(part: Part, total: int) -> str:
    return f"{size(part.held)} of {size(total)} are kept in {part.path}; the same command goes on from there."
