"""Shows what happens to exports as it happens, a line for each event."""

import json
import sys
from typing import Annotated, Any

import typer

from cli.connecting import connect
from cli.failures import WrongInputError
from cli.output import answer, remark
from cli.parsing import AsJson, KeyFile, Url
from cli.timeline import event_in_words
from cli.waiting import tell_end
from cli.words import moment
from landfall.exports.states import State
from landfall_client.asking import export_path, query_string
from landfall_client.event_stream import listen


def watch(
    export_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this export, from its first event to its end.")
    ] = None,
    *,
    account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this account's; may be given more than once.")
    ] = None,
    state: Annotated[
        list[State] | None, typer.Option(metavar="STATE", help="Only events that lead to it; as above.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Show what happens to all exports from now on, or to one until it ends; a connection that breaks is taken up again."""
    if export_id is not None and (account or state):
        raise WrongInputError("ID: one export is watched whole; leave out --account and --state.")
    api = connect(url, key_file)
    if export_id is None:
        path = "/v1/events" + query_string({"account": account or [], "state": [str(one) for one in state or ()]})
    else:
        path = f"{export_path(export_id)}/events"
    for event in api.iterate(listen(api.place, path)):
        if event.name == "message":
            answer(event.data if as_json else _line(json.loads(event.data)))
        elif event.name == "begin" and export_id is None:
            remark("Watching from now on; Ctrl-C ends it.")
        elif event.name == "broke":
            remark("The connection ended; it is taken up again.")
        elif event.name == "unavailable":
            remark("The API's database is away; what happens meanwhile comes later.")
        elif event.name == "end":
            break
    if export_id is not None:
        tell_end(api.get(export_path(export_id)).body, quiet=True)


def _line(event: dict[str, Any]) -> str:
    cells = (moment(event["at"]), event["export_id"], event["account"], event_in_words(event))
    return ("  " if sys.stdout.isatty() else "\t").join(cells)
