"""Promises of what may be asked of each vendor, and of the words for what may not."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from landfall.complaints import first_complaint
from landfall.exports.errors import RequestRefused
from landfall.vendors.buy_with_prime.request import BuyWithPrimeRequest
from landfall.vendors.catalog import VENDORS
from landfall.vendors.intelligems.request import IntelligemsRequest
from landfall.vendors.request import VendorRequest
from tests.vendors.accounts import EXPERIENCE

NOW = datetime(2026, 1, 31, 12, 0, 0, 700_000, tzinfo=UTC)
ORDERS = {"experience_id": EXPERIENCE, "export_type": "orders"}
EVENTS = {"report_type": "USER_EVENTS"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


def complaint(schema: type[VendorRequest], asked: Mapping[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        schema.model_validate(asked)
    return first_complaint(refused.value)


@pytest.mark.parametrize("name", VENDORS)
def test_every_vendor_shows_an_example_that_it_accepts(name: str) -> None:
    schema = VENDORS[name].request
    request = schema.model_validate(schema.example)
    assert request.report_type
    assert set(schema.example) <= set(schema.model_json_schema()["properties"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"experience_id": "7c9e6679"}, "experience_id: it is no UUID; write it as 7c9e6679-"),
        ({"experience_id": "7c9e6679-7425-90de-944b-e07fc1f90ae7"}, "experience_id"),
        ({"experience_id": EXPERIENCE + "\n"}, "experience_id"),
        ({"export_type": "visits"}, "export_type"),
        ({"surprise": 1}, "surprise"),
        ({"start": "yesterday"}, "start: write it as ISO 8601"),
        ({"start": "2026-01-01T00:00:00"}, "start: it needs a time zone"),
        ({"start": 1_767_225_600}, "start"),
        ({"start": "0001-01-01T00:00:00+23:00"}, "start: it lies outside"),
        ({"start": "2001-09-09T01:46:39Z"}, "start: the vendor takes ten-digit"),
        ({"end": "2286-11-20T17:46:40Z"}, "end: the vendor takes ten-digit"),
        ({"start": "2026-01-02", "end": "2026-01-01"}, "end: end must be later than start"),
        ({"start": "2026-01-02", "end": "2026-01-02"}, "end: end must be later than start"),
        ({"filters": {"deviceType": "tv"}}, "filters.deviceType"),
        ({"filters": {"visitorType": "old"}}, "filters.visitorType"),
        ({"filters": {"countryCodes": ["usa"]}}, "filters.countryCodes.0"),
        ({"filters": {"countryCodes": "US"}}, "filters.countryCodes"),
        ({"filters": {"sourceSitesOrChannels": [1]}}, "filters.sourceSitesOrChannels.0"),
        ({"filters": {"userBehavior": {"addedToCart": "yes"}}}, "filters.userBehavior.addedToCart"),
        ({"filters": {"experimentProductsOnly": 1}}, "filters.experimentProductsOnly"),
        ({"filters": {"onlyProductIds": [12]}}, "filters.onlyProductIds.0"),
        ({"filters": {"onlyProductHandles": "mug"}}, "filters.onlyProductHandles"),
        ({"filters": {"maxZScore": float("nan")}}, "filters: write plain JSON"),
        ({"filters": {"landingPageTypes": ["\ud800"]}}, "filters: write plain JSON"),
    ],
)
def test_intelligems_refuses_by_the_name_of_the_field(changes: dict[str, Any], told: str) -> None:
    assert complaint(IntelligemsRequest, ORDERS | changes).startswith(told)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "report_type"),
        ({"report_type": "ORDERS"}, "report_type"),
        (EVENTS | {"start": "2026-01-01"}, "end is missing"),
        (EVENTS | {"end": "2026-01-01"}, "start is missing"),
        (EVENTS | {"start": "2026-01-02", "end": "2026-01-01"}, "end: end must be later than start"),
        (EVENTS | {"filters": {}}, "filters"),
    ],
)
def test_buy_with_prime_refuses_by_the_name_of_the_field(asked: dict[str, Any], told: str) -> None:
    assert complaint(BuyWithPrimeRequest, asked).startswith(told)


@pytest.mark.parametrize("schema", [IntelligemsRequest, BuyWithPrimeRequest])
@given(asked=JSON)
def test_no_json_whatever_makes_a_schema_break(schema: type[VendorRequest], asked: Any) -> None:
    for candidate in (asked, ORDERS | {"filters": asked}, EVENTS | {"start": asked, "end": asked}):
        with suppress(ValidationError):
            fixed = schema.model_validate(candidate).resolved(NOW)
            json.dumps(fixed, allow_nan=False, ensure_ascii=False).encode()
            assert schema.stored(fixed, asked_at=NOW).resolved(NOW) == fixed


@pytest.mark.parametrize(
    "uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", EXPERIENCE.upper()]
)
def test_intelligems_takes_every_uuid_of_the_vendors_pattern(uuid: str) -> None:
    assert IntelligemsRequest.model_validate(ORDERS | {"experience_id": uuid}).experience_id == uuid


def test_intelligems_speaks_in_ten_digit_strings_and_the_vendors_names() -> None:
    filters = {
        "deviceType": "mobile",
        "visitorType": "new",
        "countryCodes": ["US"],
        "sourceSitesOrChannels": ["google"],
        "userBehavior": {"viewedCheckout": True},
        "experimentProductsOnly": False,
        "onlyProductIds": ["1"],
        "onlyProductHandles": ["mug"],
    }
    asked = ORDERS | {"start": "2001-09-09T01:46:40Z", "end": "2026-01-31T01:00:00+01:00", "filters": filters}
    assert IntelligemsRequest.model_validate(asked).body() == {
        "exportType": "orders",
        "startTs": "1000000000",
        "endTs": "1769817600",
        "filters": filters,
    }


def test_intelligems_passes_unknown_filters_through_and_reads_null_as_absent() -> None:
    filters = {"deviceType": None, "urlParam": {"queryParam": "a", "x": None}, "userBehavior": {"sang": True}}
    request = IntelligemsRequest.model_validate(ORDERS | {"filters": filters})
    assert request.body() == {
        "exportType": "orders",
        "filters": {"urlParam": {"queryParam": "a", "x": None}, "userBehavior": {"sang": True}},
    }


@given(
    st.datetimes(
        datetime(2001, 9, 9, 1, 46, 40),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2286, 11, 20, 17, 46, 39),  # noqa: DTZ001 - as above
        timezones=st.just(UTC),
    ),
    st.integers(-23, 23),
)
def test_every_accepted_moment_becomes_its_ten_digit_second(moment: datetime, hours: int) -> None:
    written = moment.astimezone(timezone(timedelta(hours=hours))).isoformat()
    body = IntelligemsRequest.model_validate(ORDERS | {"start": written}).body()
    assert len(body["startTs"]) == 10
    assert int(body["startTs"]) == int(moment.timestamp())


def test_intelligems_asks_for_an_open_range_as_one_because_the_vendor_knows_the_experiences_life() -> None:
    request = IntelligemsRequest.model_validate(ORDERS)
    assert request.resolved(NOW) == ORDERS
    assert request.body() == {"exportType": "orders"}


def test_buy_with_prime_fixes_its_default_range_to_seven_days_in_whole_seconds() -> None:
    assert BuyWithPrimeRequest.model_validate(EVENTS).resolved(NOW) == {
        "report_type": "USER_EVENTS",
        "start": "2026-01-24T12:00:00Z",
        "end": "2026-01-31T12:00:00Z",
    }


def test_a_range_that_was_given_is_not_moved() -> None:
    asked = EVENTS | {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    assert BuyWithPrimeRequest.model_validate(asked).resolved(NOW) == asked


def test_a_stored_request_that_no_longer_fits_is_refused_in_a_sentence() -> None:
    with pytest.raises(RequestRefused, match="does not fit the schema: report_type"):
        BuyWithPrimeRequest.stored({"report_type": "OLD"}, asked_at=NOW)
