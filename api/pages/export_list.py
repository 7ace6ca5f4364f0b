"""Serves the list of exports, by filters that stand in its address."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth import Reader
from api.cursors import filters_text
from api.pages.export_filters import Typed
from api.pages.forms import PageRoute
from api.pages.rendering import page
from api.pages.report_window import window
from api.services import Given
from landfall.database import reading
from landfall.exports.states import State
from landfall.vendors.catalog import VENDORS

_LIMIT = 50
_MOST_TOLD = 2**31
_SHORTCUTS = ("1h", "24h", "7d", "30d")

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Done(StrEnum):
    """What was done to many exports just now."""

    CANCEL = "cancel"
    RETRY = "retry"


Told = Annotated[int, Query(ge=0, le=_MOST_TOLD)]


@router.get("/exports")
async def list_exports(
    request: Request,
    caller: Reader,
    given: Given,
    typed: Typed,
    *,
    cursor: str = "",
    done: Done | None = None,
    counted: Told = 0,
    matched: Told = 0,
    changed: Told = 0,
) -> Response:
    """The exports that the filters let through, newest first."""
    # By what was typed: how long ago something was is another moment from page to page.
    filters = filters_text("exports page", {**typed.texts, "of": sorted(caller.accounts or ())})
    after = given.cursors.read(cursor, filters) if cursor else None
    jobs = await given.database.read(lambda connection: reading.page(connection, typed.filter, after, _LIMIT + 1))
    listed, more = given.cursors.cut(jobs, _LIMIT, filters)
    names = list(filter(caller.sees, given.accounts))
    return page(
        request,
        "exports.html",
        live=["#rows"],
        now=datetime.now(UTC),
        typed=typed,
        jobs=listed,
        next=f"/exports?{typed.query(cursor=more)}" if more else None,
        first=f"/exports?{typed.query()}" if cursor else None,
        states=list(State),
        accounts=names,
        vendors=list(VENDORS),
        shortcuts=_SHORTCUTS,
        window=window,
        done=done,
        told={"counted": counted, "matched": matched, "changed": changed},
    )
