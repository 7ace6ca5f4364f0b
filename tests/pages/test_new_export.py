"""Checks the form that asks for an export: made from the vendor's schema, and patient with what is typed into it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.pages.request_form import Kind, fields_of
from landfall.database.keys import Scope
from landfall.vendors.catalog import VENDORS
from tests.pages.browsing import Visitor
from tests.pages.desk import logged_in, query_of, send, text_of
from tests.stack import EXPERIENCE, Stack

HTML = "<b onclick=x>"


@pytest.fixture(scope="module")
def writer(front: Stack) -> Iterator[Visitor]:
    with logged_in(front) as visitor:
        yield visitor


def events(number: int, **more: str) -> dict[str, str]:
    """A form for Buy with Prime, typed in."""
    typed = {"account": "shop-bwp", "request.report_type": "USER_EVENTS", "labels": "", "priority": "0"}
    return typed | {"request.start": "2025-01-01", "request.end": f"2025-02-{number:02}"} | more


def made_by(front: Stack, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 303, text_of(answer)
    return front.show(answer.headers["location"].rpartition("/")[2].partition("?")[0])


def error_of(answer: httpx.Response, name: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'<span class="field-error" id="{re.escape(name)}-error">([^<]*)</span>', answer.text)
    return found[1] if found else ""


def test_the_accounts_of_the_key_are_offered_first(front: Stack, writer: Visitor) -> None:
    answer = writer.get("/exports/new")
    for name in ("shop-ab", "shop-bwp"):
        assert f'href="/exports/new?account={name}"' in answer.text
    with logged_in(front, accounts=frozenset({"shop-ab"})) as visitor:
        alone = visitor.get("/exports/new")
        assert "shop-bwp" not in alone.text
        assert 'name="account" value="shop-ab"' in alone.text
        assert visitor.get("/exports/new?account=shop-bwp").status_code == 404
        assert send(visitor, "/exports/new", events(1)).status_code == 404


@pytest.mark.parametrize(
    ("vendor", "kinds"),
    [
        ("buy_with_prime", {"report_type": Kind.CHOICE, "start": Kind.MOMENT, "end": Kind.MOMENT}),
        (
            "intelligems",
            {
                "experience_id": Kind.TEXT,
                "export_type": Kind.CHOICE,
                "start": Kind.MOMENT,
                "end": Kind.MOMENT,
                "filters": Kind.JSON,
            },
        ),
    ],
)
def test_each_field_of_the_schema_is_asked_for_in_its_way(vendor: str, kinds: dict[str, Kind]) -> None:
    fields = fields_of(VENDORS[vendor].request)
    assert {field.label: field.kind for field in fields} == kinds
    needed = [field.required for field in fields]
    assert needed == sorted(needed, reverse=True)


def test_what_is_typed_becomes_the_export_that_the_api_would_make(front: Stack, writer: Visitor) -> None:
    answer = send(writer, "/exports/new", events(1, labels=" team: growth \r\nnote:a:b\r\n\r\n", priority="7"))
    assert query_of(answer) == {"notice": "new"}
    made = made_by(front, answer)
    assert made["request"] == {
        "report_type": "USER_EVENTS",
        "start": "2025-01-01T00:00:00Z",
        "end": "2025-02-01T00:00:00Z",
    }
    assert (made["labels"], made["priority"]) == ({"team": "growth", "note": "a:b"}, 7)
    assert "It is accepted" in text_of(writer.get(answer.headers["location"]))


def test_a_time_without_a_zone_is_in_utc(front: Stack, writer: Visitor) -> None:
    answer = send(
        writer,
        "/exports/new",
        events(2) | {"request.start": "2025-01-01T06:30", "request.end": "2025-01-02 07:00+02:00"},
    )
    request = made_by(front, answer)["request"]
    assert (request["start"], request["end"]) == ("2025-01-01T06:30:00Z", "2025-01-02T05:00:00Z")


def test_nested_filters_are_typed_as_json(front: Stack, writer: Visitor) -> None:
    typed = {
        "account": "shop-ab",
        "request.experience_id": f"{EXPERIENCE}aa",
        "request.export_type": "orders",
        "request.filters": '{"countryCodes": ["US"]}',
    }
    assert made_by(front, send(writer, "/exports/new", typed))["request"]["filters"] == {"countryCodes": ["US"]}
    broken = send(writer, "/exports/new", typed | {"request.filters": '{"countryCodes": ['})
    assert (broken.status_code, error_of(broken, "request.filters")) == (
        422,
        "this is no JSON; write it as in the example",
    )
    wrong = send(writer, "/exports/new", typed | {"request.filters": '{"countryCodes": ["usa"]}'})
    assert error_of(wrong, "request.filters").startswith("countryCodes.0: ")


def test_every_wrong_field_is_told_beside_it_and_what_was_typed_stays(writer: Visitor) -> None:
    typed = events(3, labels=f"team:{HTML}\nnothing", priority="high")
    answer = send(writer, "/exports/new", typed)
    assert answer.status_code == 422
    assert error_of(answer, "priority") == "write a whole number"
    assert error_of(answer, "labels").startswith("write each as key:value")
    assert 'value="2025-02-03"' in answer.text
    assert HTML not in answer.text
    assert "team:&lt;b onclick=x&gt;" in answer.text
    assert "2 fields are wrong" in text_of(answer)


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"request.start": "yesterday"}, "request.start", "write it as ISO 8601"),
        ({"request.end": "2024-01-01"}, "request.end", "end must be later than start"),
        ({"request.report_type": "OTHER"}, "request.report_type", "USER_EVENTS"),
        ({"request.report_type": ""}, "request.report_type", "required"),
        ({"priority": "1001"}, "priority", "less than or equal to 1000"),
        ({"labels": "a:" + "x" * 201}, "labels", "at most 200 characters"),
    ],
)
def test_what_the_schema_refuses_is_told_at_its_field(
    writer: Visitor, changes: dict[str, str], field: str, told: str
) -> None:
    answer = send(writer, "/exports/new", events(4) | changes)
    assert answer.status_code == 422
    assert told in error_of(answer, field)


def test_what_is_wrong_with_the_whole_is_told_above(writer: Visitor) -> None:
    answer = send(writer, "/exports/new", events(5) | {"request.end": ""})
    assert answer.status_code == 422
    assert "end is missing: give both start and end" in text_of(answer).lower()


def test_the_same_request_in_flight_leads_to_that_export(front: Stack, writer: Visitor) -> None:
    first = made_by(front, send(writer, "/exports/new", events(6)))
    again = send(writer, "/exports/new", events(6))
    assert query_of(again) == {"notice": "same"}
    assert made_by(front, again)["id"] == first["id"]
    assert "The same request is in flight already" in text_of(writer.get(again.headers["location"]))
    forced = send(writer, "/exports/new", events(6, force="yes"))
    assert query_of(forced) == {"notice": "new"}
    assert made_by(front, forced)["id"] != first["id"]


def test_a_button_that_is_pressed_twice_makes_one_export(front: Stack, writer: Visitor) -> None:
    typed = events(7, force="yes", once="0123456789abcdef")
    first, second = (made_by(front, send(writer, "/exports/new", typed)) for _ in range(2))
    assert first["id"] == second["id"]
    changed = made_by(front, send(writer, "/exports/new", typed | {"request.end": "2025-03-01"}))
    assert changed["id"] != first["id"]


def test_a_read_only_key_is_refused(front: Stack) -> None:
    with logged_in(front, Scope.READ) as reader:
        assert reader.get("/exports/new").status_code == 403
        assert send(reader, "/exports/new", events(8)).status_code == 403


def test_a_form_without_the_session_s_token_is_refused(front: Stack, writer: Visitor) -> None:
    before = len(front.get("/v1/exports?limit=200").json()["items"])
    assert writer.send("/exports/new", events(9)).status_code == 403
    assert len(front.get("/v1/exports?limit=200").json()["items"]) == before
