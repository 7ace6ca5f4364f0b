"""Serves /v1/accounts."""

from fastapi import APIRouter

from api.auth import Reader
from api.schemas.accounts import AccountPage, AccountView
from api.services import Given
from api.strict_route import StrictRoute
from landfall.database import accounts

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=StrictRoute)


@router.get("")
async def list_accounts(caller: Reader, given: Given) -> AccountPage:
    """The accounts of the settings: limits, slots in use, exports queued, freshness."""
    names = list(filter(caller.sees, given.accounts))
    found = await given.database.read(lambda connection: accounts.stand(connection, names))
    return AccountPage(items=[AccountView.of(each) for each in found], next=None)
