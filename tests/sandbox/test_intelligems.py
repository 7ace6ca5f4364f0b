"""Promises of the Intelligems stand-in."""

from typing import Any

import pytest

from tests.sandbox.conftest import EXPERIENCE, Launch, Sandbox


def test_the_post_blocks_until_the_report_is_built_and_gives_its_link(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0.3")
    answer = sandbox.export().json()
    (report,) = sandbox.reports()
    assert report["state"] == "COMPLETED"
    assert sandbox.http.get(answer.pop("url")).status_code == 200
    assert answer == {
        "exportType": "orders",
        "experienceId": EXPERIENCE,
        "experienceName": "Experience 23272b65",
        "expiresIn": 900,
        "format": "csv",
        "message": "Export ready",
    }


def test_a_post_that_timed_out_is_joined_by_the_same_post(launch: Launch) -> None:
    sandbox = launch("--build-mean", "1", "--build-sigma", "0", "--intelligems-timeout", "0.3")
    first = sandbox.export().json()
    assert (first["url"], first["expiresIn"], first["message"]) == (None, 0, "Export timed out, please retry")
    while (again := sandbox.export().json())["url"] is None:
        pass
    assert sandbox.http.get(again["url"]).status_code == 200
    assert sandbox.stats()["starts"]["intelligems"] == 1


def test_after_the_build_the_same_post_gives_a_new_link_to_the_same_report(quick: Sandbox) -> None:
    one, other = (quick.http.get(quick.export().json()["url"]).content for _ in range(2))
    assert one == other
    assert len(quick.reports()) == 1


@pytest.mark.parametrize(
    "change", [{"token": "sandbox-other"}, {"exportType": "order_line_items"}, {"startTs": "1700000000"}]
)
def test_another_token_or_body_is_another_report(quick: Sandbox, change: dict[str, Any]) -> None:
    quick.export()
    quick.export(**change)
    assert len(quick.reports()) == 2


def test_a_token_that_is_not_the_sandboxs_is_unauthorized(quick: Sandbox) -> None:
    answer = quick.export(token="somebody")
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("experienceId", {"experience": "not-a-uuid"}),
        ("experienceId", {"experience": "23272b65-efac-912d-a8aa-ce8ef41bb448"}),
        ("exportType", {"exportType": "visitors"}),
        ("startTs", {"startTs": 1700000000}),
        ("endTs", {"endTs": "1700000000000"}),
        ("filters", {"filters": {"deviceType": "fridge"}}),
        ("filters", {"filters": {"visitorType": "old"}}),
        ("filters", {"filters": {"countryCodes": ["Germany"]}}),
        ("filters", {"filters": {"sourceSitesOrChannels": "google"}}),
        ("filters", {"filters": {"userBehavior": {"addedToCart": "yes"}}}),
        ("filters", {"filters": {"experimentProductsOnly": 1}}),
        ("filters", {"filters": {"onlyProductIds": [7]}}),
        ("filters", {"filters": {"onlyProductHandles": [None]}}),
    ],
)
def test_a_field_that_is_wrong_is_named(quick: Sandbox, field: str, change: dict[str, Any]) -> None:
    answer = quick.export(**change)
    assert answer.status_code == 400
    assert answer.json()["errors"] == []
    assert list(answer.json()["properties"]) == [field]
    assert quick.reports() == []


@pytest.mark.parametrize("experience", ["ffffffff-ffff-ffff-ffff-ffffffffffff", EXPERIENCE.upper()])
def test_every_uuid_of_the_seeds_pattern_passes(quick: Sandbox, experience: str) -> None:
    assert quick.export(experience=experience).status_code == 200


def test_the_nil_uuid_is_that_of_no_experience(quick: Sandbox) -> None:
    assert quick.export(experience="00000000-0000-0000-0000-000000000000").status_code == 404
    assert quick.reports() == []


def test_the_seeds_filters_unknown_ones_and_nulls_pass(quick: Sandbox) -> None:
    filters = {
        "deviceType": "mobile",
        "visitorType": None,
        "countryCodes": ["US", "GB"],
        "userBehavior": {"addedToCart": True, "viewedCheckout": None},
        "onlyProductIds": ["1"],
        "maxZScore": 3,
    }
    assert quick.export(filters=filters, startTs="1700000000", endTs="1800000000").json()["url"]


def test_an_account_past_its_burst_is_rate_limited_and_told_for_how_long(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0", "--rate-burst", "2", "--rate-refill", "0.01")
    left = [sandbox.export().headers["x-ratelimit-remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    refused = sandbox.export()
    assert refused.status_code == 429
    assert 1 <= refused.json()["retryAfter"] <= 100
    assert 1 <= int(refused.headers["x-ratelimit-reset"]) <= 100_000
    assert refused.headers["x-ratelimit-limit"] == "2"
    assert sandbox.export(token="sandbox-other").status_code == 200
    assert sandbox.stats()["rate_limited"] == 1
