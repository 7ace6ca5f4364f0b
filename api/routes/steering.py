"""Serves what changes the course of exports and accounts: cancel, retry, priority, pause, resume."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api import batch_steering, pausing, steering
from api.auth import Admin, Caller, Writer
from api.finding import find_batch
from api.plans import by, cancelling, retrying
from api.problems import FieldError, invalid
from api.refusals import INVALID, NO_BATCH, NO_EXPORT, refusal
from api.schemas.accounts import AccountView
from api.schemas.exports import ExportView
from api.schemas.steering import CountView, ExportChange, ExportFilter, Many, ManyRetried, Retried, SteeredView
from api.schemas.submission import LABEL_KEY
from api.services import Given, Services
from api.steering import Plan
from api.strict_route import StrictRoute
from landfall.database import accounts
from landfall.database import steering as rows
from landfall.database.reading import Filter
from landfall.database.steering import Act
from landfall.exports.states import State

_CONFLICT = refusal(409, "The export's state does not allow it; `state` tells which it is in.")
_NO_ACCOUNT = refusal(404, "No account has this name.")

router = APIRouter(prefix="/v1", route_class=StrictRoute)


@router.post("/exports/cancel", tags=["exports"], response_model=CountView | SteeredView, responses=INVALID)
async def cancel_many(many: Many, caller: Writer, given: Given) -> Response:
    """Cancel the exports that a filter lets through; without a `state` in it those that have not ended."""
    return await _steer_many(given, many, caller, cancelling(given, caller))


@router.post("/exports/retry", tags=["exports"], response_model=CountView | SteeredView, responses=INVALID)
async def retry_many(many: ManyRetried, caller: Writer, given: Given) -> Response:
    """Try exports again that a filter lets through; without a `state` in it those that failed."""
    return await _steer_many(given, many, caller, retrying(caller, many.from_, usual=[State.FAILED]))


@router.post(
    "/exports/{export_id}/cancel", tags=["exports"], response_model=ExportView, responses={**NO_EXPORT, **_CONFLICT}
)
async def cancel(export_id: str, caller: Writer, given: Given) -> Response:
    """Cancel an export; one that is cancelled already stays so."""
    return await _steer(given, caller, export_id, cancelling(given, caller).act)


@router.post(
    "/exports/{export_id}/retry",
    tags=["exports"],
    response_model=ExportView,
    responses={**NO_EXPORT, **_CONFLICT, **INVALID},
)
async def retry(export_id: str, caller: Writer, given: Given, retried: Retried | None = None) -> Response:
    """Try an export that failed or was cancelled again, from the step that it ended in or from the start."""
    start = (retried or Retried()).from_
    return await _steer(given, caller, export_id, retrying(caller, start).act)


@router.patch(
    "/exports/{export_id}",
    tags=["exports"],
    response_model=ExportView,
    responses={**NO_EXPORT, **_CONFLICT, **INVALID},
)
async def change(export_id: str, wanted: ExportChange, caller: Writer, given: Given) -> Response:
    """Change the priority of a queued export."""
    return await _steer(given, caller, export_id, rows.prioritizing(wanted.priority, by(caller)))


@router.post("/batches/{batch_id}/cancel", tags=["batches"], response_model=SteeredView, responses=NO_BATCH)
async def cancel_batch(batch_id: str, caller: Writer, given: Given) -> Response:
    """Cancel the exports of a batch that have not ended; those that it only joined go on."""
    await find_batch(given, caller, batch_id)
    return _told(await batch_steering.cancel(given, caller, batch_id))


@router.post(
    "/batches/{batch_id}/retry", tags=["batches"], response_model=SteeredView, responses={**NO_BATCH, **INVALID}
)
async def retry_batch(batch_id: str, caller: Writer, given: Given, retried: Retried | None = None) -> Response:
    """Try the exports of a batch again that failed or were cancelled."""
    await find_batch(given, caller, batch_id)
    return _told(await batch_steering.retry(given, caller, batch_id, (retried or Retried()).from_))


@router.post("/accounts/{name}/pause", tags=["accounts"], responses=_NO_ACCOUNT)
async def pause(name: str, caller: Admin, given: Given) -> AccountView:
    """Have no export of the account started until it is resumed; what has a slot goes on."""
    await pausing.pause(given, caller, name)
    return await _account(given, name)


@router.post("/accounts/{name}/resume", tags=["accounts"], responses=_NO_ACCOUNT)
async def resume(name: str, caller: Admin, given: Given) -> AccountView:
    """Have the account's exports started again."""
    await pausing.resume(given, caller, name)
    return await _account(given, name)


async def _steer(given: Services, caller: Caller, export_id: str, act: Act) -> Response:
    return _json(ExportView.of(await steering.steer(given, caller, export_id, act)))


async def _steer_many(given: Services, many: Many, caller: Caller, plan: Plan) -> Response:
    named = many.filter.model_dump(exclude_none=True)
    if not named and not many.all:
        detail = 'it is empty; name which exports are meant, or say "all": true'
        raise invalid([FieldError(pointer="/filter", detail=detail)])
    if named and many.all:
        raise invalid([FieldError(pointer="/all", detail="there is a filter as well; give the one or the other")])
    wanted = _filter(many.filter, caller)
    if many.dry_run:
        found = await steering.count(given, wanted, plan)
        return _json(CountView(matched=found.total(), by_state=dict(found)))
    return _told(await steering.carry_out(given, wanted, plan))


def _filter(named: ExportFilter, caller: Caller) -> Filter:
    states = [named.state] if isinstance(named.state, State) else named.state or ()
    labels = [named.label] if isinstance(named.label, str) else named.label or ()
    return Filter(
        states=tuple(dict.fromkeys(states)),
        account=named.account,
        vendor=named.vendor,
        labels=[_label(text) for text in labels],
        since=_in_utc(named.since, "since"),
        until=_in_utc(named.until, "until"),
        error=named.error,
        batch=named.batch,
        within=caller.accounts,
    )


def _label(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon or not LABEL_KEY.fullmatch(key):
        raise invalid([FieldError(pointer="/filter/label", detail="write it as key:value, both as in a label")])
    return key, value


def _in_utc(moment: datetime | None, field: str) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        detail = "it lies outside the years 1 to 9999"
        raise invalid([FieldError(pointer=f"/filter/{field}", detail=detail)]) from None


async def _account(given: Services, name: str) -> AccountView:
    (found,) = await given.database.read(lambda connection: accounts.stand(connection, [name]))
    return AccountView.of(found)


def _told(tally: steering.Tally) -> Response:
    return _json(SteeredView(matched=tally.matched, changed=tally.changed, skipped=tally.matched - tally.changed))


def _json(view: BaseModel) -> Response:
    return Response(view.model_dump_json(), media_type="application/json")
