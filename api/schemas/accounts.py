"""Defines how an account reads."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.errors import ErrorView
from landfall.database.accounts import AccountSlots
from landfall.database.freshness import Freshness


class BreakerView(BaseModel):
    """Why nobody calls the vendor for now."""

    state: Literal["open", "half_open"]
    error: ErrorView
    until: datetime | None = Field(description="When one call tries again.")


class FreshnessView(BaseModel):
    """How far the stored files of a report type reach, and whether that is enough."""

    report_type: str
    window_end: datetime | None = Field(description="Up to when they reach; null: nothing was stored yet.")
    age_seconds: float | None = Field(description="Since window_end.")
    target_seconds: float | None = Field(description="The age that the settings allow; null: they name none.")
    met: bool | None = Field(description="Whether the age is within the target; null: there is none.")
    stored_at: datetime | None = Field(description="When the file that reaches furthest was stored.")
    export_id: str | None = Field(description="The export whose file it is.")

    @classmethod
    def of(cls, freshness: Freshness) -> "FreshnessView":
        """The view of one report type."""
        return cls(
            report_type=freshness.report_type,
            window_end=freshness.window_end,
            age_seconds=freshness.age,
            target_seconds=freshness.target,
            met=freshness.met,
            stored_at=freshness.stored_at,
            export_id=freshness.export_id,
        )


class AccountView(BaseModel):
    """An account, its slots, and how fresh its files are."""

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
    freshness: list[FreshnessView] = Field(description="One for each report type that was stored or has a target.")

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
            freshness=[FreshnessView.of(each) for each in slots.freshness],
        )


class AccountPage(BaseModel):
    """The accounts of the settings."""

    items: list[AccountView]
    next: str | None
