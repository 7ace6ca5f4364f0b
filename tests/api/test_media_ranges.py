"""Promises of what is made of `Accept`."""

import pytest
from starlette.datastructures import Headers

from api.media_ranges import Accepted

STREAM = "text/event-stream"


@pytest.mark.parametrize(
    ("fields", "liking", "named"),
    [
        ([], 1, 0),
        ([""], 1, 0),
        (["*/*"], 1, 0),
        (["text/*;q=0.5"], 0.5, 0),
        (["text/*;q=0.5, */*"], 0.5, 0),
        ([STREAM], 1, 1),
        (["TEXT/Event-Stream ; Q=0.25"], 0.25, 0.25),
        ([f"{STREAM};charset=utf-8;q=0.1"], 0.1, 0.1),
        (["application/json", f"text/html;q=0.9,{STREAM};q=0.3"], 0.3, 0.3),
        ([f"{STREAM};q=0, */*"], 0, 0),
        (["application/json"], 0, 0),
        (["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], 0.8, 0),
        ([f"{STREAM};q=soon"], 1, 1),
        ([f"{STREAM};q=nan, ;;, ,q=1"], 1, 1),
    ],
)
def test_the_closest_range_says_how_much_a_form_is_liked(fields: list[str], liking: float, named: float) -> None:
    accepted = Accepted(Headers(raw=[(b"accept", field.encode()) for field in fields]))
    assert (accepted.liking(STREAM), accepted.named(STREAM)) == (liking, named)
