"""Asks for one change of an export or an account, or for what is known of it."""

from landfall_client.asking import account_path, ask, batch_path, export_path, request
from landfall_client.effects import Flow, Request
from landfall_client.facts import Account, Explanation, Json
from landfall_client.place import Place
from landfall_client.reading import account_of, explanation_of


def export(place: Place, export_id: str) -> Flow[Json]:
    """The export as it stands."""
    return (yield from _body(place, request("GET", export_path(export_id))))


def batch(place: Place, batch_id: str) -> Flow[Json]:
    """The batch as it stands."""
    return (yield from _body(place, request("GET", batch_path(batch_id))))


def cancel(place: Place, export_id: str) -> Flow[Json]:
    """Cancel the export; cancelled already, it stays so."""
    return (yield from _body(place, request("POST", f"{export_path(export_id)}/cancel", body={})))


def retry(place: Place, export_id: str, *, from_start: bool) -> Flow[Json]:
    """Give the export a new life. A second time would be refused, so a lost answer is not asked for again."""
    body = {"from": "start" if from_start else "step"}
    asked = request("POST", f"{export_path(export_id)}/retry", body=body, repeatable=False)
    return (yield from _body(place, asked))


def prioritise(place: Place, export_id: str, priority: int) -> Flow[Json]:
    """Move a queued export in the queue."""
    return (yield from _body(place, request("PATCH", export_path(export_id), body={"priority": priority})))


def explain(place: Place, export_id: str) -> Flow[Explanation]:
    """Why the export stands as it does."""
    return explanation_of((yield from _body(place, request("GET", f"{export_path(export_id)}/explain"))))


def accounts(place: Place) -> Flow[list[Account]]:
    """The accounts of the settings."""
    page = yield from _body(place, request("GET", "/v1/accounts"))
    return [account_of(raw) for raw in page["items"]]


def pause(place: Place, name: str, *, go_on: bool = False) -> Flow[Account]:
    """Have nothing started for the account, or let it go on."""
    verb = "resume" if go_on else "pause"
    return account_of((yield from _body(place, request("POST", f"{account_path(name)}/{verb}", body={}))))


def _body(place: Place, asked: Request) -> Flow[Json]:
    body: Json = (yield from ask(place, asked)).body
    return body
