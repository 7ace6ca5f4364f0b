"""Checks that what is asked for once is made once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.accepting import at_once, body, empty, exports, under
from tests.api.beside import another_api
from tests.stack import EXPERIENCE, Stack


@pytest.fixture
def api(either: Stack) -> Stack:
    """An API without a worker that has never been asked for anything."""
    empty(either)
    return either


def test_the_same_request_under_a_key_gets_the_same_answer_byte_for_byte(api: Stack) -> None:
    first = api.post("/v1/exports", json=body(force=True), headers=under("k"))
    again = api.post("/v1/exports", json=body(force=True), headers=under("k"))
    assert first.status_code == again.status_code == 202
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(exports(api)) == 1


def test_the_order_of_its_fields_does_not_make_it_another_request(api: Stack) -> None:
    given = body(force=True)
    first = api.post("/v1/exports", json=given, headers=under("k"))
    again = api.post("/v1/exports", json=dict(reversed(given.items())), headers=under("k"))
    assert again.content == first.content


def test_another_request_under_a_used_key_is_refused_by_the_header_s_name(api: Stack) -> None:
    api.post("/v1/exports", json=body(1), headers=under("k"))
    for other in (
        api.post("/v1/exports", json=body(2), headers=under("k")),
        api.post("/v1/batches", json={"exports": [body(1)]}, headers=under("k")),
    ):
        assert other.status_code == 422
        assert [error["header"] for error in other.json()["errors"]] == ["Idempotency-Key"]
    assert len(exports(api)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é"])
def test_a_key_of_another_form_is_refused_by_the_header_s_name(api: Stack, key: str) -> None:
    answer = api.post("/v1/exports", json=body(), headers={"idempotency-key": key.encode()})
    assert answer.status_code == 422
    assert [error["header"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert exports(api) == []


def test_a_refused_request_does_not_use_up_its_key(api: Stack) -> None:
    assert api.post("/v1/exports", json=body(account="nobody"), headers=under("k")).status_code == 422
    assert api.post("/v1/exports", json=body(), headers=under("k")).status_code == 202


def test_requests_under_one_key_at_once_make_one_export(api: Stack) -> None:
    answers = at_once(api, *[{"json": body(force=True), "headers": under("k")} for _ in range(10)])
    made = {answer.content for answer in answers if answer.status_code == 202}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 409)
    assert len(exports(api)) == 1


def test_two_processes_make_one_export_under_one_key(api: Stack) -> None:
    with another_api(api) as other, ThreadPoolExecutor(2) as askers:
        for number in range(20):
            call: dict[str, Any] = {"json": body(number, force=True), "headers": under(f"k{number}")}
            answers = list(askers.map(lambda each: each.post("/v1/exports", **call), (api, other)))  # noqa: B023 - asked before the next number
            assert len({answer.content for answer in answers}) == 1
            assert sorted("idempotent-replayed" in answer.headers for answer in answers) == [False, True]
    assert len(exports(api)) == 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/exports", body(force=True)), ("/v1/batches", {"exports": [body(1, force=True), body(2, force=True)]})],
)
def test_what_was_committed_when_the_api_was_killed_is_answered_to_whoever_asks_again(
    api: Stack, path: str, asked: dict[str, Any], tmp_path: Path
) -> None:
    api.stop()
    strikes = tmp_path / "strikes"
    strikes.mkdir()
    armed = "accept.committed=kill; batch.committed=kill"
    dying = api.start_api(LANDFALL_FAILPOINTS=armed, LANDFALL_FAILPOINTS_FOLDER=str(strikes))
    with pytest.raises(httpx.TransportError):
        api.post(path, json=asked, headers=under("k"))
    dying.wait(30)
    api.start_api()
    committed = exports(api)
    again = api.post(path, json=asked, headers=under("k"))
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert api.get(again.headers["location"]).json()["id"] == again.json()["id"]
    assert exports(api) == committed
    assert len(committed) == len(asked.get("exports", [asked]))


def test_submissions_at_once_get_each_its_own_answer(api: Stack) -> None:
    calls = [{"json": body(number, labels={"n": str(number)})} for number in range(30)]
    calls += [{"json": body(account="nobody")}, {"json": body(priority="high")}]
    *good, unknown, wrong = at_once(api, *calls)
    assert [answer.status_code for answer in good] == [202] * 30
    assert [answer.json()["labels"] for answer in good] == [call["json"]["labels"] for call in calls[:30]]
    assert (unknown.json()["errors"][0]["pointer"], wrong.json()["errors"][0]["pointer"]) == ("/account", "/priority")
    assert len({export["id"] for export in exports(api)}) == 30


def test_the_same_request_at_once_makes_one_export(api: Stack) -> None:
    answers = at_once(api, *[{"json": body()} for _ in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len({answer.json()["id"] for answer in answers}) == len(exports(api)) == 1


def test_force_and_reuse_contradict_each_other(api: Stack) -> None:
    answer = api.post("/v1/exports", json=body(force=True, reuse="stored"))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/reuse"]


@pytest.mark.slow
def test_batches_over_the_same_accounts_at_once_do_not_wait_for_each_other_in_a_ring(api: Stack) -> None:
    orders = {"account": "shop-ab", "request": {"experience_id": f"{EXPERIENCE}01", "export_type": "orders"}}
    mixed = [{**orders, "force": True}, body(force=True)] * 10
    calls = [{"json": {"exports": mixed[turn:] + mixed[:turn]}} for turn in (0, 1)] * 5
    with another_api(api) as other, ThreadPoolExecutor(2) as askers:
        several = list(askers.map(lambda each: at_once(each, *calls, path="/v1/batches"), (api, other)))
    assert {answer.status_code for answers in several for answer in answers} == {202}
    assert len(exports(api)) == 20 * 20
