"""Changes the course of exports: cancel, retry, priority."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.client import Api, Reply
from cli.connecting import connect
from cli.failures import CommandError, UnreachableError, WrongInputError
from cli.many import DryRun, Everything, Filters, Yes, read_filter, steer_many
from cli.output import answer, remark
from cli.parsing import AsJson, ExportId, KeyFile, Url

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The exports' ids.")]


class From(StrEnum):
    """Where a retry begins."""

    STEP = "step"
    START = "start"


RetryFrom = Annotated[From, typer.Option("--from", help="step: the one that it ended in; start: order a new report.")]


def cancel(
    ids: Ids = None,
    *,
    filters: Filters = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Cancel exports, by their ids or by a filter; a report in the making keeps its slot until the vendor is done."""
    _check(ids, filters, everything=everything, dry_run=dry_run)
    api = connect(url, key_file)
    if ids:
        _each(api, ids, "cancel", {}, as_json=as_json)
        return
    body = read_filter(filters or (), everything=everything)
    steer_many(api, "cancel", body, dry_run=dry_run, yes=yes, as_json=as_json)


def retry(
    ids: Ids = None,
    *,
    from_: RetryFrom = From.STEP,
    filters: Filters = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Try exports again that failed or were cancelled, by their ids or by a filter."""
    _check(ids, filters, everything=everything, dry_run=dry_run)
    api = connect(url, key_file)
    where = {"from": from_.value}
    if ids:
        _each(api, ids, "retry", where, as_json=as_json)
        return
    body = read_filter(filters or (), everything=everything) | where
    steer_many(api, "retry", body, dry_run=dry_run, yes=yes, as_json=as_json)


def priority(
    export_id: ExportId,
    number: Annotated[int, typer.Argument(metavar="N", help="From -1000 to 1000; higher goes first.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Change the priority of a queued export, for example: landfall priority ID -- -5."""
    reply = connect(url, key_file).patch(_path(export_id), {"priority": number})
    answer(reply.text if as_json else f"Export {reply.body['id']} has priority {reply.body['priority']}.")


def _check(ids: Sequence[str] | None, filters: Sequence[str] | None, *, everything: bool, dry_run: bool) -> None:
    if sum(map(bool, (ids, filters, everything))) != 1:
        raise WrongInputError("say which exports: give their ids, --filter, or --all.")
    if ids and dry_run:
        raise WrongInputError("--dry-run counts what --filter or --all mean; leave it out, or the ids.")


def _each(api: Api, ids: Sequence[str], verb: str, body: dict[str, Any], *, as_json: bool) -> None:
    """Steer one after another; what is wrong with one keeps no other from its turn."""
    failures: list[CommandError] = []
    for export_id in ids:
        try:
            reply = api.post(f"{_path(export_id)}/{verb}", body)
        except UnreachableError:
            raise
        except CommandError as error:
            failures.append(error)
        else:
            answer(reply.text if as_json else _told(reply))
    for failure in failures[:-1]:
        remark(str(failure))
    if failures:
        raise failures[-1]


def _path(export_id: str) -> str:
    if not export_id.strip():
        raise WrongInputError("ID: it is empty; `landfall list` shows the ids.")
    return f"/v1/exports/{quote(export_id, safe='')}"


def _told(reply: Reply) -> str:
    state = reply.body["state"]
    return f"Export {reply.body['id']} is {state if state == 'cancelled' else f'{state} again'}."
