"""Writes a position in a list as an opaque cursor, sealed for that list and its filters, and reads it back."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import AwareDatetime, TypeAdapter

from api.problems import FieldError, ProblemError, invalid
from landfall.database.reading import Position

_POSITION: TypeAdapter[tuple[AwareDatetime, str]] = TypeAdapter(tuple[AwareDatetime, str])
_SEAL_BYTES = 12
_FILTER_BYTES = 6
_LONGEST = 500


class Dated(Protocol):
    """What stands in a list: newest first, those of one moment by id."""

    @property
    def created_at(self) -> datetime:
        """When it was made."""

    @property
    def id(self) -> str:
        """Which of that moment it is."""


AnyDated = TypeVar("AnyDated", bound=Dated)


def filters_text(of: str, filters: Mapping[str, object]) -> str:
    """The list and its filters in one form, whatever their order: what a cursor is bound to."""
    plain = {name: sorted(map(str, value)) if _is_many(value) else value for name, value in filters.items()}  # type: ignore[call-overload]  # _is_many has looked
    given = {name: value for name, value in plain.items() if value not in (None, [])}
    return json.dumps([of, given], sort_keys=True, default=str)


class Cursors:
    """The cursors of every API process on one database: each reads what another has written."""

    def __init__(self, key: bytes) -> None:
        """Seal with a key that the processes share."""
        self._key = key

    def after(self, last: Dated, filters: str) -> str:
        """The cursor of the page that begins after this one; `filters` is the list's `filters_text`."""
        body = _mark(filters) + _POSITION.dump_json((last.created_at, last.id))
        return base64.urlsafe_b64encode(self._seal(body) + body).decode().rstrip("=")

    def cut(self, found: Sequence[AnyDated], limit: int, filters: str) -> tuple[Sequence[AnyDated], str | None]:
        """A page of what was found, and the cursor of the next one where more than `limit` were."""
        if len(found) <= limit:
            return found, None
        return found[:limit], self.after(found[limit - 1], filters)

    def read(self, cursor: str, filters: str) -> Position:
        """The position that a cursor names. Raises ProblemError (422) for one that Landfall did not write for this list."""
        if len(cursor) > _LONGEST:
            raise _not_ours()
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _not_ours() from None
        seal, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        # Compared as it is written, too: Base64 leaves bits of its last letter to whoever plays with them.
        written = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        if not hmac.compare_digest(seal, self._seal(body)) or written != cursor:
            raise _not_ours()
        if body[:_FILTER_BYTES] != _mark(filters):
            detail = (
                "it belongs to other filters or another list; keep them from page to page, or begin without a cursor"
            )
            raise invalid([FieldError(parameter="cursor", detail=detail)])
        return Position(*_POSITION.validate_json(body[_FILTER_BYTES:]))

    def _seal(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=_SEAL_BYTES).digest()


def _mark(filters: str) -> bytes:
    return hashlib.blake2b(filters.encode(), digest_size=_FILTER_BYTES).digest()


def _is_many(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def _not_ours() -> ProblemError:
    detail = "this is no cursor of Landfall's; take the `next` of the page before"
    return invalid([FieldError(parameter="cursor", detail=detail)])
