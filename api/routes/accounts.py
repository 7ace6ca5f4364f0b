"""Serves /v1/accounts."""

from dataclasses import asdict

from fastapi import APIRouter

from api.schemas import AccountPage, AccountView
from api.services import Given
from landfall.database import admission

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


@router.get("")
async def list_accounts(given: Given) -> AccountPage:
    """The accounts of the settings: limits, slots in use, exports queued."""
    found = await given.database.read(lambda connection: admission.account_slots(connection, given.accounts))
    return AccountPage(items=[AccountView(**asdict(slots)) for slots in found], next=None)
