"""Says what an account at Buy with Prime needs."""

from typing import Literal

from pydantic import Field

from landfall.settings import SecretRef
from landfall.vendors.account import Account, TextOrSecret


class BuyWithPrimeAccount(Account):
    """One set of API credentials at Buy with Prime and the business product that they open."""

    vendor: Literal["buy_with_prime"]
    base_url: str = "https://api.buywithprime.amazon.com"
    client_id: TextOrSecret
    client_secret: SecretRef
    target_id: TextOrSecret
    api_version: str = Field(
        default="2024-11-01", pattern=r"^[A-Za-z0-9._-]+$", description="Sent as x-api-version with every call."
    )
    token_request: Literal["form", "json"] = Field(
        default="form", description="How /token is asked; the vendor's pages do not say, OAuth 2 says form."
    )
