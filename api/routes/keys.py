"""Serves /v1/keys."""

from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Response

from api import making_keys
from api.auth import Admin
from api.refusals import INVALID, refusal
from api.schemas.keys import KeyPage, KeyRequest, KeyView, NewKeyView
from api.services import Given
from api.strict_route import StrictRoute

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=StrictRoute)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=INVALID,
)
async def create(wanted: KeyRequest, caller: Admin, given: Given, response: Response) -> NewKeyView:
    """Make a key. This answer is the only one that tells it."""
    key, text = await making_keys.make(given, caller, wanted)
    response.headers["cache-control"] = "no-store"
    return NewKeyView.made(key, text)


@router.get("")
async def list_keys(caller: Admin, given: Given) -> KeyPage:
    """List the keys, newest first; expired and revoked ones too."""
    found = await given.database.read(partial(making_keys.seen, caller=caller))
    return KeyPage(items=[KeyView.of(key) for key in found], next=None)


@router.delete("/{key_id}", responses=refusal(404, "No key has this id."))
async def revoke(key_id: str, caller: Admin, given: Given) -> KeyView:
    """Revoke a key: within two seconds it opens nothing any more. A second time changes nothing."""
    return KeyView.of(await making_keys.revoke(given, caller, key_id))
