"""Checks the list of exports: its filters, its pages, and what each kind of visitor sees of it."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from landfall.database.keys import Scope
from landfall.exports.states import State
from tests.pages.browsing import Visitor
from tests.pages.desk import link, listed, logged_in, plant, text_of
from tests.stack import Stack

HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def writer(front: Stack) -> Iterator[Visitor]:
    with logged_in(front) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def shelf(front: Stack) -> dict[str, str]:
    """Three exports under one label: by their names here, their ids."""
    label = {"shelf": "one two"}
    return {
        "failed": plant(front, "exp_shelf1", State.FAILED, labels=label | {"note": HTML}).id,
        "cancelled": plant(front, "exp_shelf2", State.CANCELLED, labels=label).id,
        "orders": plant(
            front,
            "exp_shelf3",
            State.CANCELLED,
            labels=label,
            account="shop-ab",
            vendor="intelligems",
            report_type="orders",
            request={"export_type": "orders", "start": "2026-01-01T06:30:00Z"},
        ).id,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"failed", "cancelled", "orders"}),
        ({"state": "failed"}, {"failed"}),
        ({"state": ["failed", "cancelled"]}, {"failed", "cancelled", "orders"}),
        ({"account": "shop-ab"}, {"orders"}),
        ({"vendor": "buy_with_prime"}, {"failed", "cancelled"}),
        ({"error": "report_failed"}, {"failed"}),
        ({"error": "other"}, set()),
        ({"batch": "bat_none"}, set()),
        ({"since": "24h"}, {"failed", "cancelled", "orders"}),
        ({"since": "2026-01-01", "until": "2026-01-02T12:00"}, set()),
        ({"until": "1 h"}, set()),
        ({"account": " shop-ab ", "vendor": "", "error": ""}, {"orders"}),
    ],
)
def test_a_filter_lets_through_what_it_names(
    writer: Visitor, shelf: dict[str, str], query: dict[str, str], names: set[str]
) -> None:
    answer = writer.get("/exports", params={"label": "shelf:one two", **query})
    assert answer.status_code == 200
    assert set(listed(answer)) == {shelf[name] for name in names}


def test_a_row_tells_state_window_error_and_age(writer: Visitor, shelf: dict[str, str]) -> None:
    text = text_of(writer.get("/exports", params={"label": "shelf:one two"}))
    assert "shop-ab · orders from 2026-01-01 06:30" in text
    assert "report_failed" in text
    assert re.search(r"1 min( \d+ s)? ago", text)
    assert shelf["failed"] in text


def test_every_filter_that_is_set_can_be_removed_by_a_link(writer: Visitor, shelf: dict[str, str]) -> None:
    answer = writer.get("/exports", params={"label": "shelf:one two", "state": "failed", "since": "7d"})
    assert shelf
    text = text_of(answer)
    assert "created since 7 d ago" in text
    for name, rest in (("label", "state=failed&since=7d"), ("state", "label=shelf%3Aone+two&since=7d")):
        assert f'href="/exports?{rest}"'.replace("&", "&amp;") in answer.text, name


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("since", "yesterday", "how long ago (24h, 7d)"),
        ("until", "2026-13-01", "write a date"),
        ("until", "0001-01-01T00:00+14:00", "write a date"),
        ("state", "broken", "there is no state 'broken'"),
        ("label", "team", "write it as key:value"),
    ],
)
def test_a_wrong_filter_is_told_at_its_field_and_the_others_stay(
    writer: Visitor, shelf: dict[str, str], name: str, value: str, cure: str
) -> None:
    answer = writer.get("/exports", params={"account": "shop-ab", name: value})
    assert shelf
    assert answer.status_code == 200
    assert cure in text_of(answer)
    assert f'id="{name}-error"' in answer.text
    assert "<option selected>shop-ab</option>" in answer.text
    assert listed(answer) == []
    assert "A filter cannot be read" in text_of(answer)


def test_an_end_before_its_beginning_is_told(writer: Visitor) -> None:
    answer = writer.get("/exports", params={"since": "2026-02-01", "until": "2026-01-01"})
    assert "it has to be later than the other end" in text_of(answer)


def test_pages_follow_one_another_without_gap_or_repetition(front: Stack, writer: Visitor) -> None:
    made = [plant(front, f"exp_paged{number:03}", State.CANCELLED, labels={"paged": "yes"}).id for number in range(101)]
    address: str | None = "/exports?" + urlencode({"label": "paged:yes", "since": "24h"})
    seen: list[str] = []
    pages = 0
    while address:
        answer = writer.get(address)
        seen += listed(answer)
        pages += 1
        assert (link(answer, "first") is None) == (pages == 1)
        address = link(answer, "next")
    assert (pages, len(seen), set(seen)) == (3, 101, set(made))


def test_a_cursor_of_other_filters_is_refused(writer: Visitor, front: Stack) -> None:
    for number in range(51):
        plant(front, f"exp_cursor{number:03}", State.CANCELLED, labels={"cursor": "yes"})
    on = link(writer.get("/exports?label=cursor:yes"), "next")
    assert on
    answer = writer.get(on.replace("cursor%3Ayes", "cursor%3Ano"))
    assert answer.status_code == 422
    assert "belongs to other filters" in text_of(answer)


def test_a_name_that_is_no_filter_is_refused(writer: Visitor) -> None:
    answer = writer.get("/exports?stat=failed")
    assert answer.status_code == 422
    assert "did you mean 'state'" in text_of(answer)


def test_a_label_of_html_is_text(writer: Visitor, shelf: dict[str, str]) -> None:
    assert shelf
    answer = writer.get("/exports", params={"label": f"note:{HTML}"})
    assert listed(answer) == [shelf["failed"]]
    assert HTML not in answer.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in answer.text


def test_a_read_only_key_sees_no_action(front: Stack, shelf: dict[str, str]) -> None:
    assert shelf
    with logged_in(front, Scope.READ) as reader:
        answer = reader.get("/exports?label=shelf:one%20two")
        assert len(listed(answer)) == 3
        main = answer.text.partition("<main")[2]
        assert "method=" not in main
        assert "/exports/cancel" not in main
        assert "/exports/new" not in main


def test_a_limited_key_sees_its_own_accounts_alone(front: Stack, shelf: dict[str, str]) -> None:
    with logged_in(front, accounts=frozenset({"shop-ab"})) as visitor:
        answer = visitor.get("/exports?label=shelf:one%20two")
        assert listed(answer) == [shelf["orders"]]
        assert "shop-bwp" not in answer.text
        assert listed(visitor.get("/exports?account=shop-bwp")) == []


def test_what_nothing_matches_says_so_and_leads_back(writer: Visitor) -> None:
    answer = writer.get("/exports?error=nothing_like_it")
    assert "No export matches" in text_of(answer)
    assert 'href="/exports">Show all exports' in answer.text


def test_a_bearer_key_reads_the_list_and_finds_no_button(front: Stack, shelf: dict[str, str]) -> None:
    assert shelf
    answer = front.get("/exports?label=shelf:one%20two")
    assert answer.status_code == 200
    assert len(listed(answer)) == 3
    assert "/exports/cancel" not in answer.text
