"""Waits for exports and batches to end, also while the API is away."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from landfall_client.asking import Answer, ask, batch_path, export_path, request
from landfall_client.effects import Flow, Give, Pause
from landfall_client.errors import Unreachable, WaitTimeout
from landfall_client.facts import ENDED
from landfall_client.place import Place

_QUICKEST_SECONDS, _SLOWEST_SECONDS = 0.1, 2.0
_SHORTEST_ANSWER_SECONDS = 1.0
_QUICKEST_OF_MANY_SECONDS, _SLOWEST_OF_MANY_SECONDS = 0.25, 5.0
_GROWTH = 1.2
_PAGE = 200
_LIVE = ["queued", "starting", "exporting", "ready"]

Shown = Callable[[dict[str, Any]], object]


class _Pace:
    """How long to wait until the next look: longer and longer while nothing changes."""

    def __init__(self, quickest: float, slowest: float, timeout: float | None, what: str) -> None:
        self._quickest, self._slowest, self._pause = quickest, slowest, quickest
        self._end = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        self._what = what

    def changed(self) -> None:
        self._pause = self._quickest

    def pause(self) -> Flow[None]:
        left = self._left()
        if left is not None and left <= 0:
            raise self._over()
        yield Pause(self._pause if left is None else min(self._pause, left))
        self._pause = min(self._slowest, self._pause * _GROWTH)

    def look(self, place: Place, path: str, query: Mapping[str, Any] | None = None) -> Flow[Answer]:
        """Ask, patiently, but not beyond the end."""
        left = self._left()
        patient = place.waiting(at_most=None if left is None else max(0.0, left))
        try:
            at_most = None if left is None else max(_SHORTEST_ANSWER_SECONDS, left)
            return (yield from ask(patient, replace(request("GET", path, query), at_most=at_most)))
        except Unreachable:
            left = self._left()
            if left is not None and left <= _QUICKEST_SECONDS:
                raise self._over() from None
            raise

    def _left(self) -> float | None:
        return None if self._end is None else self._end - time.monotonic()

    def _over(self) -> WaitTimeout:
        return WaitTimeout(f"{self._what} had not ended after {self._timeout:g} s; it goes on, wait for it again.")


def export_ended(place: Place, export_id: str, timeout: float | None, shown: Shown) -> Flow[Answer]:
    """Look at the export until it has ended, and show how it stands at each look.

    Raises WaitTimeout, and what `ask` raises.
    """
    pace, state = _Pace(_QUICKEST_SECONDS, _SLOWEST_SECONDS, timeout, f"export {export_id}"), ""
    while True:
        answer = yield from pace.look(place, export_path(export_id))
        export = answer.body
        if export["state"] != state:
            state = export["state"]
            pace.changed()
        shown(export)
        if state in ENDED:
            return answer
        yield from pace.pause()


def batch_finished(place: Place, batch_id: str, timeout: float | None, shown: Shown) -> Flow[Answer]:
    """The same for a batch, until none of its exports is live."""
    pace, told = _Pace(2 * _QUICKEST_SECONDS, _SLOWEST_SECONDS, timeout, f"batch {batch_id}"), None
    while True:
        answer = yield from pace.look(place, batch_path(batch_id))
        batch = answer.body
        if batch["exports"] != told:
            told = batch["exports"]
            pace.changed()
        shown(batch)
        if batch["finished_at"]:
            return answer
        yield from pace.pause()


def many_ended(place: Place, exports: Sequence[Mapping[str, Any]], timeout: float | None) -> Flow[None]:
    """Give each of the exports as it has ended; each is given once.

    A look costs a list of those that are live, whatever their number; who has left it is asked for once.
    """
    waiting = {export["id"]: export for export in exports}
    pace = _Pace(_QUICKEST_OF_MANY_SECONDS, _SLOWEST_OF_MANY_SECONDS, timeout, _named(len(waiting)))
    for export in list(waiting.values()):
        if export["state"] in ENDED:
            yield Give([waiting.pop(export["id"])])
    while waiting:
        live = yield from _live(place, list(waiting.values()), pace)
        for export_id in [each for each in waiting if each not in live]:
            answer = yield from pace.look(place, export_path(export_id))
            if answer.body["state"] in ENDED:
                del waiting[export_id]
                pace.changed()
                yield Give([answer.body])
        if waiting:
            yield from pace.pause()


def _live(place: Place, waiting: Sequence[Mapping[str, Any]], pace: _Pace) -> Flow[set[str]]:
    """Ids of exports that are under way, of no more pages than are worth it: who is not among them is asked for."""
    if len(waiting) == 1:
        return set()
    query: dict[str, Any] = {"state": _LIVE, "limit": _PAGE, **_around(waiting)}
    accounts = {export["account"] for export in waiting}
    if len(accounts) == 1:
        query["account"] = accounts.pop()
    found: set[str] = set()
    for _ in waiting:
        page = (yield from pace.look(place, "/v1/exports", query)).body
        found.update(item["id"] for item in page["items"])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    return found


def _around(waiting: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The times between which they were made."""
    made = [datetime.fromisoformat(export["created_at"]) for export in waiting]
    # Their times are written to the microsecond at most: a second more leaves none of them out.
    return {"since": min(made).isoformat(), "until": (max(made) + timedelta(seconds=1)).isoformat()}


def _named(count: int) -> str:
    return "the export" if count == 1 else f"one of the {count} exports"
