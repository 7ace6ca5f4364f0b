"""Describes what can be asked of Buy with Prime: an analytics report."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from landfall.vendors.request import VendorRequest, iso_utc

ReportType = Literal["USER_EVENTS"]

_DEFAULT_RANGE = timedelta(days=7)


class BuyWithPrimeRequest(VendorRequest):
    """A report of user events; without `start` and `end`, over the last seven days.

    Source: Buy with Prime, "Get an Analytics Report".
    """

    example: ClassVar[dict[str, Any]] = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-02-01"}
    report_types: ClassVar[tuple[str, ...]] = get_args(ReportType)

    # Under another name, because the property that every vendor has would hide a field `report_type`.
    report: ReportType = Field(alias="report_type", description="The only kind of report there is.")

    @model_validator(mode="after")
    def _has_a_whole_range_or_none(self) -> Self:
        if (self.start is None) != (self.end is None):
            missing = "start" if self.start is None else "end"
            raise ValueError(f"{missing} is missing: give both start and end, or neither for the last seven days")
        return self

    @property
    def report_type(self) -> str:
        """The vendor's report type."""
        return self.report

    def resolved(self, now: datetime) -> dict[str, Any]:
        """The request as JSON, the default range fixed to the seven days before now, in whole seconds."""
        fixed = super().resolved(now)
        if self.start is None:
            fixed |= {"start": iso_utc(now - _DEFAULT_RANGE), "end": iso_utc(now)}
        return fixed
