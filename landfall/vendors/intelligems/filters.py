"""Describes the filters of an Intelligems export in the vendor's own names."""

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]

_OPEN = ConfigDict(strict=True, extra="allow", frozen=True, alias_generator=to_camel, serialize_by_alias=True)


class UserBehavior(BaseModel):
    """What a visitor did; true keeps only the visitors who did it."""

    model_config = _OPEN
    __pydantic_extra__: dict[str, JsonValue]

    viewed_product_page: bool | None = None
    viewed_collection_page: bool | None = None
    added_to_cart: bool | None = None
    viewed_checkout: bool | None = None


class Filters(BaseModel):
    """Analytics filters. The fields named here are checked; any other goes to the vendor, whose 400 decides.

    Source: Intelligems, "Get Experience Export", Filters.
    """

    model_config = _OPEN
    __pydantic_extra__: dict[str, JsonValue]

    device_type: Literal["any", "mobile", "desktop"] | None = None
    visitor_type: Literal["any", "new", "returning"] | None = None
    country_codes: list[CountryCode] | None = Field(default=None, description='ISO 3166-1 alpha-2, e.g. ["US", "GB"].')
    source_sites_or_channels: list[str] | None = Field(default=None, description="Traffic channel names.")
    user_behavior: UserBehavior | None = None
    experiment_products_only: bool | None = Field(default=None, description="Only products in the experiment.")
    only_product_ids: list[str] | None = Field(default=None, description="Shopify product ids.")
    only_product_handles: list[str] | None = Field(default=None, description="Shopify product handles.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        try:
            json.dumps(self.model_dump(), allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ValueError("write plain JSON: no NaN, no Infinity, no half of a character pair") from None
        return self
