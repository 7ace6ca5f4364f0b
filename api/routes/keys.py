"""Serves /v1/keys."""

from datetime import datetime
from functools import partial
from http import HTTPStatus

from fastapi import APIRouter, Response

from api.auth import Admin, Caller
from api.finding import PROBLEM
from api.problems import FieldError, ProblemError, invalid
from api.schemas.keys import KeyPage, KeyRequest, KeyView, NewKeyView
from api.services import Given, Services
from api.strict_route import StrictRoute
from landfall.database import keys
from landfall.database.keys import ApiKey, ExpiryRefused

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=StrictRoute)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={422: {**PROBLEM, "description": "A field is wrong; `errors` names it."}},
)
async def create(wanted: KeyRequest, caller: Admin, given: Given, response: Response) -> NewKeyView:
    """Make a key. This answer is the only one that tells it."""
    make = partial(
        keys.create,
        name=wanted.name,
        scope=wanted.scope,
        accounts=_accounts(wanted, caller, given),
        expires_in=wanted.expires_in,
        latest=caller.expires_at,
    )
    try:
        key, text = await given.database.write(make)
    except ExpiryRefused as refused:
        raise invalid([FieldError(pointer="/expires_in", detail=_too_long(refused.latest))]) from None
    response.headers["cache-control"] = "no-store"
    return NewKeyView.made(key, text)


@router.get("")
async def list_keys(caller: Admin, given: Given) -> KeyPage:
    """List the keys, newest first; expired and revoked ones too."""
    found = await given.database.read(keys.every)
    return KeyPage(items=[KeyView.of(key) for key in found if _is_within(key, caller)], next=None)


@router.delete("/{key_id}", responses={404: {**PROBLEM, "description": "No key has this id."}})
async def revoke(key_id: str, caller: Admin, given: Given) -> KeyView:
    """Revoke a key: within two seconds it opens nothing any more. A second time changes nothing."""
    key = await given.database.read(lambda connection: keys.find_by_id(connection, key_id))
    if key is None or not _is_within(key, caller):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no key {key_id!r}")
    revoked = await given.database.write(lambda connection: keys.revoke(connection, key_id))
    return KeyView.of(revoked or key)


def _accounts(wanted: KeyRequest, caller: Caller, given: Services) -> frozenset[str] | None:
    """The accounts that the new key is good for: no key is good for more than the one that makes it."""
    if wanted.accounts is None:
        return caller.accounts
    known = sorted(filter(caller.sees, given.accounts))
    unknown = [(place, name) for place, name in enumerate(wanted.accounts) if name not in known]
    if unknown:
        told = ", ".join(known) or "none"
        raise invalid(
            [
                FieldError(pointer=f"/accounts/{place}", detail=f"there is no account {name!r}; known: {told}")
                for place, name in unknown
            ]
        )
    return frozenset(wanted.accounts)


def _too_long(latest: datetime) -> str:
    until = latest.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"the key would outlive yours, which expires at {until}; write a shorter time, or leave it out for that moment"
    )


def _is_within(key: ApiKey, caller: Caller) -> bool:
    """Whether the key is good for nothing that the caller's is not."""
    return caller.accounts is None or (key.accounts is not None and key.accounts <= caller.accounts)
