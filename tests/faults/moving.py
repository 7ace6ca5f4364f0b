"""Measures how long the exports that a fault met stood still."""

from datetime import datetime

from tests.faults.row import Row
from tests.stack import until

_HAVE_A_STEP = ("starting", "exporting", "ready")


def with_a_step(row: Row) -> list[str]:
    """The exports that hold a slot or a file to be fetched, once there are some: each has a step, and moves again soon."""
    asked = [("limit", "200"), *(("state", state) for state in _HAVE_A_STEP)]

    def look() -> list[str]:
        return [export["id"] for export in row.stack.get("/v1/exports", params=asked).json()["items"]]

    return until(look, "an export with a step")


def longest_rest(row: Row, met: list[str], since: float) -> float:
    """Seconds from `since` until the last of the exports that were met had moved. Only once all of them are over."""
    moves = [[datetime.fromisoformat(event["at"]).timestamp() for event in row.stack.events(id_)] for id_ in met]
    # One that is missing here was over between the look at it and the fault.
    return max(min(at - since for at in each if at > since) for each in moves if each[-1] > since)
