"""Promises of the answers that break a client's picture of the vendor: odd JSON, errors by name, links astray."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.odd_replies import ODD_REPLIES
from tests.sandbox.conftest import LINK, POLL, START, Sandbox

Ask = Callable[[Sandbox], httpx.Response]


def start(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(START, input={"reportType": "USER_EVENTS"})


def poll(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(POLL, id=sandbox.reports()[0]["id"])


def link(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(LINK, id=sandbox.reports()[0]["id"])


def token(sandbox: Sandbox) -> httpx.Response:
    return sandbox.ask_token()


def export(sandbox: Sandbox) -> httpx.Response:
    return sandbox.export()


CALLS: dict[str, Ask] = {"start": start, "poll": poll, "link": link}
every_call = pytest.mark.parametrize("ask", [start, poll, link, token, export])


@pytest.fixture
def sandbox(quick: Sandbox) -> Sandbox:
    """A sandbox with one finished report of Buy with Prime, and the token of its account."""
    quick.start()
    return quick


def odd(sandbox: Sandbox, ask: Ask, body: str) -> httpx.Response:
    """The answer while the fault waits; it is 200 and struck, and the one after it is good."""
    operation = ask.__name__ if ask in {token, poll, link} else "start"
    assert sandbox.fault("odd_answer", operation=operation, body=body).status_code == 201
    answer = ask(sandbox)
    assert (answer.status_code, sandbox.stats()["faults"]["odd_answer"]) == (200, 1)
    assert isinstance(ask(sandbox).json(), dict)
    return answer


@every_call
def test_odd_json_comes_with_200(sandbox: Sandbox, ask: Ask) -> None:
    good: dict[str, Any] = ask(sandbox).json()
    assert odd(sandbox, ask, "data_null").json() == {"data": None}
    sandbox.http.post(sandbox.ready["control"] + "/reset")
    sandbox._tokens.clear()
    sandbox.start()
    fields = good.get("data", good)
    nulls = odd(sandbox, ask, "fields_null").json()
    assert nulls.get("data", nulls) == dict.fromkeys(fields)


@pytest.mark.parametrize(
    ("body", "begins", "size"),
    [
        ("list", b'[{"data"', None),
        ("truncated", b'{"data"', None),
        ("empty", b"", 0),
        ("page", b"<!doctype", None),
        ("nested", b'{"data":[[[', 100_008),
        ("huge", b"     ", None),
    ],
)
def test_an_odd_answer_is_what_it_is_called(sandbox: Sandbox, body: str, begins: bytes, size: int | None) -> None:
    good = poll(sandbox).content
    content = odd(sandbox, poll, body).content
    assert content.startswith(begins)
    expected = {"list": len(good) + 2, "truncated": len(good) // 2, "huge": len(good) + (50 << 20)}
    assert len(content) == (size if size is not None else expected.get(body, len(content)))


@every_call
def test_an_answer_that_is_cut_takes_effect_and_ends_in_a_reset(sandbox: Sandbox, ask: Ask) -> None:
    starts = sum(sandbox.stats()["starts"].values())
    sandbox.fault("odd_answer", body="cut")
    with pytest.raises(httpx.ReadError):
        ask(sandbox)
    assert sum(sandbox.stats()["starts"].values()) - starts == (ask in {start, export})


def test_a_client_that_has_enough_of_a_huge_answer_may_go(sandbox: Sandbox) -> None:
    sandbox.fault("odd_answer", body="huge")
    url = sandbox.ready["buy_with_prime"] + "/graphql"
    query = {"query": START, "variables": {"input": {"reportType": "USER_EVENTS"}}}
    with sandbox.http.stream("POST", url, json=query, headers=sandbox.headers()) as answer:
        assert len(next(answer.iter_raw())) > 0
    assert start(sandbox).json()["data"]["startReportTask"]["taskId"]


def test_every_odd_answer_is_covered_by_these_tests() -> None:
    assert set(ODD_REPLIES) == {
        "data_null", "fields_null", "list", "truncated", "empty", "page", "nested", "huge", "cut"
    }  # fmt: skip


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("error_type", ["ThrottlingException", "AccessDeniedException", "OddException"])
def test_a_graphql_error_has_the_type_that_is_asked_for_alone(
    sandbox: Sandbox, operation: str, error_type: str
) -> None:
    starts = sandbox.stats()["starts"]
    sandbox.fault("graphql_error", operation=operation, body=error_type)
    answer = CALLS[operation](sandbox)
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert error["extensions"]["classification"] == {"errorType": error_type}
    assert set(answer.json()["data"].values()) == {None}
    assert sandbox.stats()["starts"] == starts


def test_a_finished_report_may_be_started_again_for_a_while(sandbox: Sandbox) -> None:
    sandbox.fault("goes_back", seconds=0.2)
    report = sandbox.reports()[0]
    assert [report["state"], sandbox.status(report["id"]), sandbox.reports()[0]["state"]] == [
        "COMPLETED", "STARTED", "STARTED"
    ]  # fmt: skip
    assert sandbox.stats()["started_now"]["sandbox-bwp"] == 1
    while sandbox.status(report["id"]) == "STARTED":
        pass
    assert sandbox.http.get(sandbox.link(report["id"])).status_code == 200


def test_going_back_waits_for_a_report_that_is_finished(sandbox: Sandbox) -> None:
    sandbox.fault("never_finishes")
    sandbox.start()
    sandbox.fault("goes_back")
    sandbox.status(sandbox.reports()[1]["id"])
    assert sandbox.stats()["faults"] == {"never_finishes": 1}


def test_a_link_and_a_download_may_lead_elsewhere(sandbox: Sandbox) -> None:
    sandbox.fault("strange_link", location="file:///elsewhere")
    assert sandbox.link(sandbox.reports()[0]["id"]) == "file:///elsewhere"
    sandbox.fault("redirected", location="https://elsewhere.example/")
    answer = sandbox.http.get(sandbox.link(sandbox.reports()[0]["id"]))
    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.example/")


def test_a_chunked_body_does_not_tell_its_length(sandbox: Sandbox) -> None:
    url = sandbox.link(sandbox.reports()[0]["id"])
    whole = sandbox.http.get(url)
    sandbox.fault("chunked_body")
    chunked = sandbox.http.get(url)
    assert (chunked.content, chunked.headers["transfer-encoding"]) == (whole.content, "chunked")
    assert "content-length" not in chunked.headers
    assert sandbox.stats()["whole_downloads"] == 2


def test_the_checksum_of_a_report_beyond_4_gib_is_not_told(sandbox: Sandbox) -> None:
    sandbox.fault("body_size", bytes=20_000_000_000)
    sandbox.start()
    small, large = sandbox.reports()
    assert (small["sha256"] is None, large["sha256"], large["bytes"] > 19_999_000_000) == (False, None, True)
