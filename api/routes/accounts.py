"""Serves /v1/accounts."""

from fastapi import APIRouter

from api.schemas.accounts import AccountPage, AccountView
from api.services import Given
from landfall.database import accounts

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


@router.get("")
async def list_accounts(given: Given) -> AccountPage:
    """The accounts of the settings: limits, slots in use, exports queued."""
    found = await given.database.read(lambda connection: accounts.stand(connection, given.accounts))
    return AccountPage(items=[AccountView.of(each) for each in found], next=None)
