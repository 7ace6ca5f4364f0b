"""Makes clients of either vendor, and exports for them, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from landfall.exports.job import ExportJob
from landfall.settings import SecretRef
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.buy_with_prime.client import BuyWithPrime, Credentials
from landfall.vendors.cache import Cache
from landfall.vendors.intelligems.account import IntelligemsAccount
from landfall.vendors.intelligems.client import Intelligems
from landfall.vendors.shared import Shared
from tests.exports.jobs import make_job

EXPERIENCE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ACCESS_TOKEN = "sandbox-intelligems-Kq7xPlantedToken"
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"


def intelligems_job(**changes: Any) -> ExportJob:
    request = {"experience_id": EXPERIENCE, "export_type": "orders", "start": "2026-01-01", "end": "2026-01-31"}
    return make_job(**{"vendor": "intelligems", "report_type": "orders", "request": request, **changes})


@asynccontextmanager
async def intelligems(base_url: str, *, token: str = ACCESS_TOKEN, **settings: Any) -> AsyncIterator[Intelligems]:
    """A client of the account that speaks to this base URL, closed at the end."""
    account = IntelligemsAccount.model_validate(
        {"vendor": "intelligems", "base_url": base_url, "access_token": SecretRef(env="X"), **settings}
    )
    client = Intelligems(account, SecretStr(token))
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def buy_with_prime(
    base_url: str,
    *,
    client_id: str = CLIENT_ID,
    secret: str | None = None,
    cache: Cache | None = None,
    **settings: Any,
) -> AsyncIterator[BuyWithPrime]:
    """A client of the account that speaks to this base URL, closed at the end."""
    account = BuyWithPrimeAccount.model_validate(
        {
            "vendor": "buy_with_prime",
            "base_url": base_url,
            "client_id": client_id,
            "client_secret": SecretRef(env="X"),
            "target_id": "target-1",
            **settings,
        }
    )
    credentials = Credentials(
        client_id=SecretStr(client_id),
        client_secret=SecretStr(secret or f"{client_id}-secret"),
        target_id=SecretStr("target-1"),
    )
    client = BuyWithPrime(account, credentials, shared=Shared(cache=cache or Cache()))
    try:
        yield client
    finally:
        await client.aclose()
