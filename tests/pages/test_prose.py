"""Checks how sentences and windows of time read on a page."""

from typing import Any

import pytest

from api.pages.prose import prose
from api.pages.report_window import window

EXPORT = "exp_" + "0123456789abcdef" * 2


def test_an_export_that_a_sentence_names_is_a_link() -> None:
    assert prose(f"held by {EXPORT}; 2nd") == (
        f'held by <a href="/exports/{EXPORT}" title="{EXPORT}" class="nowrap"><code>…89abcdef</code></a>; 2nd'
    )


def test_what_is_marked_as_code_is_set_as_code_and_nothing_gets_out_of_it() -> None:
    assert prose("run `landfall <b>` & wait") == "run <code>landfall &lt;b&gt;</code> &amp; wait"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}, "2026-01-01 to 2026-02-01"),
        (
            {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T06:30:00Z"},
            "2026-01-01 00:00 to 2026-01-01 06:30",
        ),
        ({"start": "2026-01-01T01:00:00+01:00"}, "from 2026-01-01"),
        ({"end": "2026-01-01"}, "until 2026-01-01"),
        ({"start": "of old", "end": None}, ""),
        ({}, ""),
    ],
)
def test_a_window_is_told_in_short(request_: dict[str, Any], text: str) -> None:
    assert window(request_) == text
