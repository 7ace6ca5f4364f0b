"""Defines how an API key reads, and how one is asked for."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.durations import written_as
from landfall.database.keys import MOST_DAYS, NAME, ApiKey, Scope


class KeyRequest(BaseModel):
    """A request for a key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=NAME, description="Your own name for it.", examples=["warehouse"])
    scope: Annotated[Scope, Field(strict=False)] = Field(
        default=Scope.READ, description="What it is good for; `write` includes `read`, `admin` both."
    )
    accounts: list[str] | None = Field(
        default=None, min_length=1, max_length=1000, description="The only accounts that it is good for; null: all."
    )
    expires_in: Annotated[
        timedelta | None,
        Field(strict=False, gt=timedelta(0), le=timedelta(days=MOST_DAYS)),
        written_as("P90D"),
    ] = Field(
        default=None,
        description="ISO 8601 duration, no longer than the key that makes it is good for; null: as long as that key, else until it is revoked.",
        examples=["P90D"],
    )


class KeyView(BaseModel):
    """A key, but for what only its holder has."""

    id: str
    name: str
    prefix: str = Field(description="The letters that it begins with.")
    scope: Scope
    accounts: list[str] | None = Field(description="The only accounts that it is good for; null: all.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        """The view of a key."""
        return cls(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scope=key.scope,
            accounts=None if key.accounts is None else sorted(key.accounts),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class NewKeyView(KeyView):
    """A key that was just made: the one answer that tells it."""

    key: str = Field(description="Keep it now: it is told once.")

    @classmethod
    def made(cls, key: ApiKey, text: str) -> "NewKeyView":
        """The view of a new key, its text with it."""
        return cls(**KeyView.of(key).model_dump(), key=text)


class KeyPage(BaseModel):
    """The keys, newest first."""

    items: list[KeyView]
    next: str | None
