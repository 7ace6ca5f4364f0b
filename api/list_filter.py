"""Reads which exports a list is to hold from its query, for a caller who sees some accounts only."""

from typing import Annotated

from fastapi import Depends, Query

from api.auth import Reader
from api.moments import Moment
from api.problems import FieldError, invalid
from api.schemas.submission import LABEL_KEY
from landfall.database.reading import Filter
from landfall.exports.states import State

_MOST_LABELS = 20


async def _filter(  # FastAPI hands to a thread what is not async
    caller: Reader,
    *,
    state: Annotated[list[State] | None, Query(description="May be given more than once: any of them.")] = None,
    account: str | None = None,
    vendor: str | None = None,
    label: Annotated[
        list[str] | None,
        Query(description="key:value; may be given more than once: all of them.", max_length=_MOST_LABELS),
    ] = None,
    batch: Annotated[str | None, Query(description="The id of a batch.")] = None,
    error: Annotated[str | None, Query(description="The `code` of the error.")] = None,
    since: Annotated[Moment | None, Query(description="Created at or after this moment.")] = None,
    until: Annotated[Moment | None, Query(description="Created before this moment.")] = None,
) -> Filter:
    return Filter(
        states=state or (),
        account=account,
        vendor=vendor,
        labels=[read_label(text) for text in label or ()],
        since=since,
        until=until,
        error=error,
        batch=batch,
        within=caller.accounts,
    )


Wanted = Annotated[Filter, Depends(_filter)]


def read_label(text: str) -> tuple[str, str]:
    """A label as key and value. Raises ProblemError (422)."""
    key, colon, value = text.partition(":")
    if not colon or not LABEL_KEY.fullmatch(key):
        raise invalid([FieldError(parameter="label", detail="write it as key:value, both as in a label")])
    return key, value
