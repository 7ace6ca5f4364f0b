"""Says what an account at Intelligems needs."""

from typing import Literal

from pydantic import Field

from landfall.settings import SecretRef
from landfall.vendors.account import Account


class IntelligemsAccount(Account):
    """One organisation at Intelligems; its key is organisation-wide."""

    vendor: Literal["intelligems"] = Field(description="Which vendor it is at.")
    base_url: str = Field(
        default="https://api.intelligems.io/v25-10-beta",
        description="Where the vendor's API is; a sandbox or a test server goes here.",
    )
    access_token: SecretRef = Field(description="The organisation's API key.")
    request_timeout: float = Field(
        default=300.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that the export call may take; it stays open while the report is built.",
    )
    # A token bucket for each endpoint: 20 at once for exports; how fast it refills is not published.
    rate_burst: float | None = Field(default=20.0, ge=1, allow_inf_nan=False, description="Starts at once.")
    rate_refill: float = Field(default=0.5, ge=0, allow_inf_nan=False, description="Starts a second in the long run.")
