"""Says what every vendor's request schema has in common."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from landfall.complaints import first_complaint
from landfall.exports.errors import RequestRefused


def _instant(value: object) -> object:
    """Read ISO 8601: a date is its midnight in UTC, a time must name its zone; whole seconds in UTC come out."""
    moment = _parsed(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("it needs a time zone, for example 2026-01-31T00:00:00Z")
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError("it lies outside the years 1 to 9999") from None


def _parsed(text: str) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write it as ISO 8601, for example 2026-01-31 or 2026-01-31T00:00:00Z") from None


def iso_utc(moment: datetime) -> str:
    """Write a moment in whole seconds of UTC, for example 2026-01-31T00:00:00Z."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


Instant = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=str)]


class VendorRequest(BaseModel):
    """What a vendor's export can be asked for; the public schema that the API explains."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, serialize_by_alias=True)

    example: ClassVar[dict[str, Any]]
    report_types: ClassVar[tuple[str, ...]]

    start: Instant | None = Field(default=None, description="First moment of the range, ISO 8601 with a time zone.")
    end: Instant | None = Field(default=None, description="End of the range, later than start.")

    @field_validator("end")
    @classmethod
    def _ends_after_its_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")
        if start and end and end <= start:
            raise ValueError("end must be later than start")
        return end

    @classmethod
    def stored(cls, request: Mapping[str, Any], *, asked_at: datetime) -> Self:
        """Read a request that an export's row kept, its moving defaults fixed as of the time it was asked.

        Raises RequestRefused where it no longer fits the schema.
        """
        try:
            return cls.model_validate(cls.model_validate(dict(request)).resolved(asked_at))
        except ValidationError as error:
            raise RequestRefused(f"the stored request does not fit the schema: {first_complaint(error)}") from None

    @property
    def report_type(self) -> str:
        """The kind of report, as the vendor calls it, one of `report_types`; part of the artifact's name."""
        raise NotImplementedError

    def resolved(self, now: datetime) -> dict[str, Any]:  # noqa: ARG002 - for vendors whose default range moves with time
        """The request as JSON with every moving default fixed, so that a repeated start asks for the same."""
        return self.model_dump(mode="json", exclude_none=True)
