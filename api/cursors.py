"""Writes a position in a list as an opaque cursor and reads it back."""

import base64

from pydantic import AwareDatetime, TypeAdapter

from api.problems import FieldError, invalid
from landfall.database.reading import Position
from landfall.exports.job import ExportJob

_POSITION: TypeAdapter[tuple[AwareDatetime, str]] = TypeAdapter(tuple[AwareDatetime, str])


def cursor_after(job: ExportJob) -> str:
    """The cursor of the page that begins after this export."""
    return base64.urlsafe_b64encode(_POSITION.dump_json((job.created_at, job.id))).decode().rstrip("=")


def read_cursor(cursor: str) -> Position:
    """The position that a cursor names. Raises ProblemError (422) for one that Landfall did not write."""
    try:
        return Position(*_POSITION.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except ValueError:
        detail = "this is no cursor of Landfall's; take the `next` of the page before"
        raise invalid([FieldError(parameter="cursor", detail=detail)]) from None
