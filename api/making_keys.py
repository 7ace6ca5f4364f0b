"""Makes and revokes API keys for whoever may, none that is good for more than their own."""

from datetime import datetime
from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection

from api.auth import Caller
from api.problems import FieldError, ProblemError, invalid
from api.schemas.keys import KeyRequest
from api.services import Services
from landfall.database import keys
from landfall.database.keys import ApiKey, ExpiryRefused


async def make(given: Services, caller: Caller, wanted: KeyRequest) -> tuple[ApiKey, str]:
    """Make a key: how it is kept, and its text. Raises ProblemError (422)."""
    creating = partial(
        keys.create,
        name=wanted.name,
        scope=wanted.scope,
        accounts=_accounts(wanted, caller, given),
        expires_in=wanted.expires_in,
        latest=caller.expires_at,
    )
    try:
        return await given.database.write(creating)
    except ExpiryRefused as refused:
        raise invalid([FieldError(pointer="/expires_in", detail=_too_long(refused.latest))]) from None


def seen(connection: Connection, caller: Caller) -> list[ApiKey]:
    """The keys that the caller may know of, newest first; expired and revoked ones too."""
    return [key for key in keys.every(connection) if _is_within(key, caller)]


async def find(given: Services, caller: Caller, key_id: str) -> ApiKey:
    """The key of this id. Raises ProblemError (404)."""
    key = await given.database.read(lambda connection: keys.find_by_id(connection, key_id))
    if key is None or not _is_within(key, caller):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no key {key_id!r}")
    return key


async def revoke(given: Services, caller: Caller, key_id: str) -> ApiKey:
    """Revoke a key: within two seconds it opens nothing any more. Raises ProblemError (404)."""
    key = await find(given, caller, key_id)
    revoked = await given.database.write(lambda connection: keys.revoke(connection, key_id))
    return revoked or key


def _accounts(wanted: KeyRequest, caller: Caller, given: Services) -> frozenset[str] | None:
    """The accounts that the new key is good for: no key is good for more than the one that makes it."""
    if wanted.accounts is None:
        return caller.accounts
    known = frozenset(filter(caller.sees, given.accounts))
    unknown = [(place, name) for place, name in enumerate(wanted.accounts) if name not in known]
    if unknown:
        raise invalid(
            [
                FieldError(pointer=f"/accounts/{place}", detail=caller.no_account(name, given.accounts))
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
