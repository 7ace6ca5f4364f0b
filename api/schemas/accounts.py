"""Defines how an account reads."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.errors import ErrorView
from landfall.database.accounts import AccountSlots


class BreakerView(BaseModel):
    """Why nobody calls the vendor for now."""

    state: Literal["open", "half_open"]
    error: ErrorView
    until: datetime | None = Field(description="When one call tries again.")


class AccountView(BaseModel):
    """An account and its slots."""

    name: str
    vendor: str
    max_started: int = Field(description="Reports that may be in the making at once.")
    limit: int = Field(description="The same, while the vendor throttles below it.")
    slots_used: int
    queued: int
    blocked_until: datetime | None = Field(description="The vendor asked for a pause until then.")
    paused_at: datetime | None = Field(description="An operator has nothing started since then.")
    paused_by: str | None = Field(description="The name of the key that paused it.")
    breaker: BreakerView | None

    @classmethod
    def of(cls, slots: AccountSlots) -> "AccountView":
        """The view of an account."""
        throttle, error = slots.throttle, ErrorView.of(slots.throttle.reason)
        state: Literal["open", "half_open"] = "half_open" if throttle.probing else "open"
        return cls(
            name=slots.name,
            vendor=slots.vendor,
            max_started=throttle.max_started,
            limit=throttle.slots,
            slots_used=slots.slots_used,
            queued=slots.queued,
            blocked_until=throttle.blocked_until,
            paused_at=throttle.paused_at,
            paused_by=throttle.paused_by,
            breaker=BreakerView(state=state, error=error, until=throttle.open_until) if error else None,
        )


class AccountPage(BaseModel):
    """The accounts of the settings."""

    items: list[AccountView]
    next: str | None
