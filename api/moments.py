"""Reads a moment of a request: ISO 8601 with a time zone, in UTC from here on."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

# pydantic would take a number, too, and guess whether it counts seconds or milliseconds.
_BEGINS_WITH_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")
# What is left of `+01:00` in a query where nobody has written the + as %2B.
_HAS_LOST_ITS_PLUS = re.compile(r".{10}[Tt ]\S+ \d{2}:?\d{2}")


def _written(value: object) -> object:
    if isinstance(value, str) and _HAS_LOST_ITS_PLUS.fullmatch(value):
        raise ValueError("there is a space before its zone; write + as %2B in an address, or the moment in UTC with Z")
    if isinstance(value, datetime) or (isinstance(value, str) and _BEGINS_WITH_A_DATE.match(value)):
        return value
    raise ValueError("write it as ISO 8601 with a time zone, for example 2026-01-31T00:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside the years 1 to 9999") from None


Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_in_utc), BeforeValidator(_written)]
