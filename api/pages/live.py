"""Tells a page that something has happened, at most twice a second, so that it looks again."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth import Caller, Reader
from api.event_stream import EventStream, named_event
from api.feed import Feed
from api.pages.forms import PageRoute
from api.room import check_room
from api.streams import HEARTBEAT_SECONDS, LONGEST_SECONDS, comes

_PAUSE_SECONDS = 0.5
_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b": heartbeat\n\n"
_CHANGE = named_event("change", "{}")


class _StreamRoute(PageRoute):
    answers_head = False


router = APIRouter(include_in_schema=False, route_class=_StreamRoute)


@router.get("/live")
async def live(
    request: Request, caller: Reader, export: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """A `change` whenever something happens to an export that the caller sees, or to the one that is named."""
    feed: Feed = request.app.state.feed
    check_room(feed, caller)
    return EventStream(_changes(feed, caller, export))


async def _changes(feed: Feed, caller: Caller, export: str | None) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    end, position = clock() + LONGEST_SECONDS, None
    with feed.listening(caller.key_id):
        yield _BEGIN
        while not feed.closed and clock() < end:
            change = feed.change
            news, position = _since(feed, caller, export, position)
            if news:
                yield _CHANGE
                await asyncio.sleep(_PAUSE_SECONDS)
            elif not await comes(change, min(HEARTBEAT_SECONDS, end - clock())):
                yield _HEARTBEAT


def _since(feed: Feed, caller: Caller, export: str | None, position: int | None) -> tuple[bool, int | None]:
    """Whether there is news behind a position, and the position after it.

    At the first look there is: nobody knows what has happened since the page was written, or while it was cut off.
    """
    mark = feed.mark
    if mark is None or position is None or position > mark:
        return mark is not None, mark
    found = feed.after(position)
    # What reaches further back than the news at hand may hold anything.
    news = found is None or any(caller.sees(each.account) and export in {None, each.export_id} for each in found)
    return news and mark > position, mark
