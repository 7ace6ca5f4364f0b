"""Says what an account at Buy with Prime needs."""

from typing import Literal

from pydantic import Field

from landfall.settings import SecretRef
from landfall.vendors.account import Account, TextOrSecret


class BuyWithPrimeAccount(Account):
    """One set of API credentials at Buy with Prime and the business product that they open."""

    vendor: Literal["buy_with_prime"] = Field(description="Which vendor it is at.")
    base_url: str = Field(
        default="https://api.buywithprime.amazon.com",
        description="Where the vendor's API is, /token and /graphql below it; a sandbox or a test server goes here.",
    )
    client_id: TextOrSecret = Field(description="Of the API credentials.")
    client_secret: SecretRef = Field(description="Of the API credentials.")
    target_id: TextOrSecret = Field(description="The business product that the credentials open.")
    api_version: str = Field(
        default="2024-11-01", pattern=r"^[A-Za-z0-9._-]+$", description="Sent as x-api-version with every call."
    )
    token_request: Literal["form", "json"] = Field(
        default="form", description="How /token is asked; the vendor's pages do not say, OAuth 2 says form."
    )
