"""Describes what can be asked of Intelligems: the export of one experience."""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator

from landfall.vendors.intelligems.filters import Filters
from landfall.vendors.request import VendorRequest

# The vendor's own pattern: UUID versions 1 to 8, the nil and the max UUID.
UUID_PATTERN = (
    r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    r"|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$"
)
_UUID = re.compile(UUID_PATTERN.replace("$", r"\Z"))

ExportType = Literal["orders", "order_line_items", "order_reconciliation"]

_FIRST_OF_TEN_DIGITS = datetime.fromtimestamp(10**9, UTC)
_LAST_OF_TEN_DIGITS = datetime.fromtimestamp(10**10 - 1, UTC)


class IntelligemsRequest(VendorRequest):
    """An experience's orders or line items as CSV; without `start` and `end`, over the experience's whole life.

    Source: Intelligems, "Get Experience Export".
    """

    example: ClassVar[dict[str, Any]] = {
        "experience_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "export_type": "orders",
        "start": "2026-01-01",
        "end": "2026-02-01",
        "filters": {"deviceType": "mobile", "countryCodes": ["US", "GB"]},
    }

    report_types: ClassVar[tuple[str, ...]] = get_args(ExportType)

    experience_id: str = Field(pattern=UUID_PATTERN, description="UUID of the experience (A/B test).")
    export_type: ExportType
    filters: Filters | None = Field(default=None, description="Analytics filters, in the vendor's own names.")

    @field_validator("experience_id", mode="before")
    @classmethod
    def _is_a_uuid(cls, given: object) -> object:
        """Say so in words: the pattern's own complaint would repeat the pattern."""
        if isinstance(given, str) and not _UUID.match(given):
            raise ValueError(f"it is no UUID; write it as {cls.example['experience_id']}")
        return given

    @field_validator("start", "end")
    @classmethod
    def _has_ten_digits(cls, moment: datetime | None) -> datetime | None:
        if moment and not _FIRST_OF_TEN_DIGITS <= moment <= _LAST_OF_TEN_DIGITS:
            raise ValueError(
                "the vendor takes ten-digit epoch seconds only: from 2001-09-09T01:46:40Z to 2286-11-20T17:46:39Z"
            )
        return moment

    @property
    def report_type(self) -> str:
        """The export type."""
        return self.export_type

    def body(self) -> dict[str, Any]:
        """The request as the vendor's JSON."""
        asked: dict[str, Any] = {"exportType": self.export_type}
        if self.start:
            asked["startTs"] = _epoch(self.start)
        if self.end:
            asked["endTs"] = _epoch(self.end)
        if self.filters:
            asked["filters"] = self.filters.model_dump(mode="json", exclude_none=True)
        return asked


def _epoch(moment: datetime) -> str:
    return f"{int(moment.timestamp()):010d}"
