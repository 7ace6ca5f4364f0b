"""Reads durations, and says how one is written."""

from datetime import timedelta

from pydantic import BeforeValidator, TypeAdapter, ValidationError

_DURATION = TypeAdapter(timedelta)


def written_as(example: str) -> BeforeValidator:
    """Take an ISO 8601 duration, or None where the field does; any other error names the example."""

    def read(value: object) -> object:
        if value is None:
            return None
        try:
            return _DURATION.validate_python(value) if isinstance(value, str | timedelta) else _refuse(example)
        except ValidationError:
            return _refuse(example)

    return BeforeValidator(read)


def _refuse(example: str) -> object:
    raise ValueError(f"write it as an ISO 8601 duration, for example {example}")
