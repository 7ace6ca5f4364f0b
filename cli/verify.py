"""Re-reads stored files against their checksums, rows and manifests, and reports rot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.failures import NotStoredError, RotFoundError, WrongInputError
from cli.moments import as_moment
from cli.narrowing import OfAccount, Since, Until
from cli.output import answer
from cli.parsing import AsJson
from cli.progress import bytes_progress
from cli.stored_files import StoredFiles, check_account, stored_files
from cli.tables import print_table
from landfall.database import artifacts, ledger
from landfall.exports.retention import StoredFile
from landfall.sizes import size
from landfall.storage.verify import Finding, examine


@dataclass(frozen=True, slots=True)
class _Examined:
    """A file and what is wrong with it."""

    file: StoredFile
    findings: Sequence[Finding]


def verify(
    export_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these exports; default: all that are stored.")
    ] = None,
    *,
    account: OfAccount = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Re-read stored files against the database and their manifests; exit code 4 where anything has rotted."""
    after = as_moment("--since", since) if since else None
    before = as_moment("--until", until) if until else None
    with stored_files() as home:
        check_account(home, account)
        files = home.read(lambda connection: artifacts.stored(connection, account=account, since=after, until=before))
        if export_ids:
            files = _chosen(home, files, export_ids)
        rotten = _examine(home, files)
    total = sum(file.bytes for file in files)
    _tell(rotten, len(files), total, as_json=as_json)
    if rotten:
        raise RotFoundError(
            f"{len(rotten)} of {len(files)} files rotted; restore them from a backup or submit their exports again."
        )


def _chosen(home: StoredFiles, files: Sequence[StoredFile], export_ids: Sequence[str]) -> list[StoredFile]:
    by_id = {file.export_id: file for file in files}
    for export_id in export_ids:
        if export_id not in by_id:
            raise _no_file(home, export_id)
    return [by_id[export_id] for export_id in dict.fromkeys(export_ids)]


def _no_file(home: StoredFiles, export_id: str) -> Exception:
    """Say why an export has no file to verify."""
    job = home.read(lambda connection: ledger.find(connection, export_id))
    if job is None:
        return WrongInputError(f"there is no export {export_id!r}; `landfall list` shows the ids.")
    if job.artifact is None:
        return NotStoredError(f"export {export_id} is {job.state}; its file is there once it is stored.")
    if job.artifact.removed_at:
        when = f"{job.artifact.removed_at:%Y-%m-%d %H:%M:%SZ}"
        return NotStoredError(f"the file of export {export_id} was removed by retention on {when}.")
    return WrongInputError(
        f"export {export_id} is not among those that --account, --since and --until leave; name other ones."
    )


def _examine(home: StoredFiles, files: Sequence[StoredFile]) -> list[_Examined]:
    with bytes_progress(sum(file.bytes for file in files)) as advance:
        examined = (_Examined(file, examine(home.store, file, advance)) for file in files)
        return [each for each in examined if each.findings]


def _tell(rotten: Sequence[_Examined], count: int, total: int, *, as_json: bool) -> None:
    if as_json:
        answer(json.dumps({"verified": count, "bytes": total, "rotten": [_as_json(each) for each in rotten]}))
    elif rotten:
        rows = [
            (each.file.export_id, each.file.account, finding.rot.value, finding.detail)
            for each in rotten
            for finding in each.findings
        ]
        print_table(("ID", "ACCOUNT", "ROT", "DETAIL"), rows)
    else:
        answer(f"{count} files, {size(total)}: all well.")


def _as_json(each: _Examined) -> dict[str, Any]:
    return {
        "id": each.file.export_id,
        "account": each.file.account,
        "uri": each.file.uri,
        "findings": [{"rot": finding.rot.value, "detail": finding.detail} for finding in each.findings],
    }
