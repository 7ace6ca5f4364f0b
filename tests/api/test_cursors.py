"""Promises of the cursors: whoever changes one, or the list it belongs to, is refused."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import Cursors, filters_text
from api.problems import ProblemError
from landfall.database.reading import Position
from tests.api.beside import another_api
from tests.stack import Stack

OURS = Cursors(b"k" * 32)
FILTERS = filters_text("exports", {"state": ["queued"]})
moments = st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it without a zone


@dataclass(frozen=True)
class Item:
    created_at: datetime
    id: str


AN_ITEM = Item(datetime(2026, 1, 1, tzinfo=UTC), "exp_1")
CURSOR = OURS.after(AN_ITEM, FILTERS)


@given(at=moments, item_id=st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_cursor_leads_back_to_its_place(at: datetime, item_id: str) -> None:
    assert OURS.read(OURS.after(Item(at, item_id), FILTERS), FILTERS) == Position(at, item_id)


@given(place=st.integers(0, len(CURSOR) - 1), letter=st.characters(codec="ascii"))
def test_a_cursor_with_one_letter_changed_is_refused(place: int, letter: str) -> None:
    changed = CURSOR[:place] + letter + CURSOR[place + 1 :]
    if changed != CURSOR:
        with pytest.raises(ProblemError, match="no cursor of Landfall's"):
            OURS.read(changed, FILTERS)


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ProblemError, match="no cursor of Landfall's"):
        OURS.read(text, FILTERS)


@pytest.mark.parametrize("changed", [CURSOR[:-1], CURSOR + "=", CURSOR + "A", " " + CURSOR, CURSOR * 100])
def test_a_cursor_that_was_cut_or_stretched_is_refused(changed: str) -> None:
    with pytest.raises(ProblemError, match="no cursor of Landfall's"):
        OURS.read(changed, FILTERS)


def test_a_cursor_of_another_database_is_refused() -> None:
    with pytest.raises(ProblemError, match="no cursor of Landfall's"):
        Cursors(b"l" * 32).read(CURSOR, FILTERS)


@pytest.mark.parametrize(
    "other",
    [
        filters_text("exports", {}),
        filters_text("exports", {"state": ["stored"]}),
        filters_text("batches", {"state": ["queued"]}),
    ],
)
def test_a_cursor_of_other_filters_is_refused_in_words_of_its_own(other: str) -> None:
    with pytest.raises(ProblemError, match="other filters or another list"):
        OURS.read(CURSOR, other)


def test_the_order_of_filters_and_what_is_empty_make_no_difference() -> None:
    one = filters_text("exports", {"state": ["stored", "queued"], "account": None, "label": [("a", "b")]})
    assert one == filters_text("exports", {"label": (("a", "b"),), "state": ("queued", "stored"), "batch": ()})


def page(api: Stack, **query: Any) -> Any:
    return api.get("/v1/exports", params={"limit": 1, **query})


def test_a_cursor_is_good_for_its_filters_alone_and_at_every_api_process(api: Stack) -> None:
    for number in (101, 102):
        api.submit("shop-ab", number, labels={"cursor": "c"}, force=True)
    cursor = page(api, label="cursor:c").json()["next"]
    with another_api(api) as other:
        there = page(other, label="cursor:c", cursor=cursor)
    here = page(api, label="cursor:c", cursor=cursor)
    assert here.status_code == 200
    assert here.json()["items"] == there.json()["items"] != []
    refused = page(api, label="cursor:d", cursor=cursor)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "cursor")
    # How many stand on a page is no filter.
    assert page(api, label="cursor:c", cursor=cursor, limit=5).status_code == 200
