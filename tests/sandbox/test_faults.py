"""Promises of every fault: it strikes as often as asked, where asked, and is counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import LINK, POLL, START, Launch, Sandbox

Operation = Callable[[Sandbox], httpx.Response]


def _start(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(START, input={"reportType": "USER_EVENTS"})


def _poll(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(POLL, id=sandbox.reports()[0]["id"])


def _link(sandbox: Sandbox) -> httpx.Response:
    return sandbox.graphql(LINK, id=sandbox.reports()[0]["id"])


def _download(sandbox: Sandbox) -> httpx.Response:
    return sandbox.http.get(_link(sandbox).json()["data"]["reportDownloadLink"]["downloadUrl"])


def _export(sandbox: Sandbox) -> httpx.Response:
    return sandbox.export()


def _token(sandbox: Sandbox) -> httpx.Response:
    return sandbox.ask_token()


CALLS: dict[str, Operation] = {"start": _start, "poll": _poll, "link": _link, "token": _token, "download": _download}
EVERY_CALL = [*CALLS.items(), ("start", _export)]


def _classification(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    return dict(answer.json()["errors"][0]["extensions"]["classification"])


@pytest.fixture
def sandbox(quick: Sandbox) -> Sandbox:
    """A sandbox with one finished report of Buy with Prime."""
    quick.start()
    return quick


@pytest.mark.parametrize(("operation", "call"), EVERY_CALL)
@pytest.mark.parametrize(
    ("fault", "fields", "status"),
    [
        ("server_error", {}, 500),
        ("server_error", {"status": 503}, 503),
        ("rate_limited", {"seconds": 7}, 429),
        ("forbidden", {}, 403),
        ("unauthorized", {}, 401),
    ],
)
def test_a_refusing_fault_strikes_once_and_nothing_takes_effect(  # noqa: PLR0917 - a table of cases
    sandbox: Sandbox, operation: str, call: Operation, fault: str, fields: dict[str, Any], status: int
) -> None:
    starts = sandbox.stats()["starts"]
    assert sandbox.fault(fault, operation=operation, **fields).status_code == 201
    answer = call(sandbox)
    assert answer.status_code == status
    assert sandbox.stats()["starts"] == starts
    if fault == "rate_limited":
        assert (answer.headers["retry-after"], answer.json()["retryAfter"]) == ("7", 7)
    sandbox._tokens.clear()
    assert call(sandbox).status_code == 200
    assert sandbox.stats()["faults"] == {fault: 1}


def test_unauthorized_forgets_the_access_token(sandbox: Sandbox) -> None:
    sandbox.fault("unauthorized", operation="poll")
    assert [_poll(sandbox).status_code for _ in range(2)] == [401, 401]


@pytest.mark.parametrize(("operation", "call"), EVERY_CALL)
def test_a_lost_answer_takes_effect_and_closes_the_connection(
    sandbox: Sandbox, operation: str, call: Operation
) -> None:
    starts = sum(sandbox.stats()["starts"].values())
    sandbox.fault("lost_answer", operation=operation)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        call(sandbox)
    assert sum(sandbox.stats()["starts"].values()) - starts == (operation == "start")
    assert call(sandbox).status_code == 200


@pytest.mark.parametrize(("operation", "call"), EVERY_CALL)
def test_a_garbage_answer_is_200_and_no_json(sandbox: Sandbox, operation: str, call: Operation) -> None:
    sandbox.fault("garbage_answer", operation=operation)
    answer = call(sandbox)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(("operation", "call"), EVERY_CALL)
def test_a_slow_answer_takes_effect_and_comes_in_its_own_time(
    sandbox: Sandbox, operation: str, call: Operation
) -> None:
    starts = sum(sandbox.stats()["starts"].values())
    sandbox.fault("slow_answer", operation=operation, seconds=0.01)
    assert call(sandbox).status_code == 200
    sandbox.fault("slow_answer", operation=operation, seconds=600)
    sandbox.http.timeout = httpx.Timeout(0.5)
    with pytest.raises(httpx.ReadTimeout):
        call(sandbox)
    sandbox.http.timeout = httpx.Timeout(30)
    assert sandbox.stats()["faults"] == {"slow_answer": 2}
    assert (sum(sandbox.stats()["starts"].values()) > starts) == (operation == "start")


def test_a_null_url_comes_at_once_and_the_build_goes_on(sandbox: Sandbox) -> None:
    sandbox.fault("null_url")
    assert sandbox.export().json()["url"] is None
    assert sandbox.export().json()["url"]
    assert sandbox.stats()["starts"]["intelligems"] == 1


def test_an_intelligems_report_that_failed_has_no_url_and_the_next_post_begins_anew(sandbox: Sandbox) -> None:
    sandbox.fault("report_failed", vendor="intelligems")
    failed = sandbox.export().json()
    assert (failed["url"], failed["expiresIn"]) == (None, 0)
    assert sandbox.export().json()["url"]
    assert sandbox.stats()["starts"]["intelligems"] == 2


def test_throttle_starts_nothing(sandbox: Sandbox) -> None:
    sandbox.fault("throttle", count=2)
    kinds = [_classification(_start(sandbox))["errorType"] for _ in range(2)]
    assert kinds == ["ThrottlingException"] * 2
    sandbox.start()
    assert (sandbox.stats()["throttled"], sandbox.stats()["starts"]["buy_with_prime"]) == (2, 2)


@pytest.mark.parametrize(("fault", "state"), [("report_failed", "FAILED"), ("never_finishes", "STARTED")])
def test_a_fault_of_the_report_takes_hold_at_its_start_or_by_its_id(sandbox: Sandbox, fault: str, state: str) -> None:
    old = sandbox.reports()[0]["id"]
    sandbox.fault(fault)
    assert sandbox.status(sandbox.start()) == state
    sandbox.fault(fault, report=old)
    assert sandbox.status(old) == state


@pytest.mark.parametrize(("fault", "status"), [("running", "RUNNING"), ("unknown_status", "ARCHIVING")])
def test_a_poll_may_name_another_status_once(sandbox: Sandbox, fault: str, status: str) -> None:
    sandbox.fault("never_finishes")
    task_id = sandbox.start()
    sandbox.fault(fault)
    assert [sandbox.status(task_id) for _ in range(2)] == [status, "STARTED"]


def test_running_waits_for_a_report_that_is_started(sandbox: Sandbox) -> None:
    sandbox.fault("running")
    assert _poll(sandbox).json()["data"]["reportTask"]["status"] == "COMPLETED"
    assert sandbox.stats()["faults"] == {}


@pytest.mark.parametrize("call", [_start, _poll, _link])
def test_an_internal_error_comes_with_200_and_without_a_type(sandbox: Sandbox, call: Operation) -> None:
    sandbox.fault("internal_error")
    assert _classification(call(sandbox)) == {"errorType": "InternalServerError", "errorCode": 500}


def test_a_token_error_gives_no_token(sandbox: Sandbox) -> None:
    sandbox.fault("token_error")
    assert [sandbox.ask_token().status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("call", [_poll, _link])
def test_a_report_that_is_gone_stays_gone(sandbox: Sandbox, call: Operation) -> None:
    sandbox.fault("report_gone")
    assert [_classification(call(sandbox))["errorCode"] for _ in range(2)] == [404, 404]
    assert sandbox.reports()[0]["state"] == "GONE"


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("link_expired", 403, "Request has expired"),
        ("report_gone", 404, "NoSuchKey"),
        ("html_page", 200, "<!doctype html>"),
        ("empty_body", 200, ""),
    ],
)
def test_a_download_may_be_something_else(sandbox: Sandbox, fault: str, status: int, text: str) -> None:
    sandbox.fault(fault, operation="download")
    answer = _download(sandbox)
    assert answer.status_code == status
    assert text in answer.text
    assert ("," in answer.text) is False
    assert sandbox.stats()["whole_downloads"] == 0


def test_a_download_may_be_the_header_alone(sandbox: Sandbox) -> None:
    sandbox.fault("header_only")
    only, whole = _download(sandbox).text, _download(sandbox).text
    assert only == whole.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("fault", "error"), [("download_dropped", httpx.ReadError), ("download_truncated", httpx.RemoteProtocolError)]
)
@pytest.mark.parametrize("after_bytes", [None, 0, 7000, 10**9])
def test_a_download_that_breaks_off_gives_the_bytes_before_it(
    sandbox: Sandbox, fault: str, error: type[Exception], after_bytes: int | None
) -> None:
    size = sandbox.reports()[0]["bytes"]
    sandbox.fault(fault, after_bytes=after_bytes)
    url, pieces = _link(sandbox).json()["data"]["reportDownloadLink"]["downloadUrl"], list[bytes]()
    with sandbox.http.stream("GET", url) as answer:
        assert answer.headers["content-length"] == str(size)
        with pytest.raises(error):
            pieces.extend(answer.iter_raw())
    got = b"".join(pieces)
    assert len(got) == {None: size // 2, 10**9: size - 1}.get(after_bytes, after_bytes)
    rest = sandbox.http.get(url, headers={"Range": f"bytes={len(got)}-", "If-Range": answer.headers["etag"]})
    assert got + rest.content == sandbox.http.get(url).content


def test_a_slow_body_drips_and_is_whole_in_the_end(sandbox: Sandbox) -> None:
    size = sandbox.reports()[0]["bytes"]
    sandbox.fault("slow_body", after_bytes=size - 35, seconds=0.001)
    slow, whole = _download(sandbox), _download(sandbox)
    assert slow.content == whole.content
    assert sandbox.stats()["whole_downloads"] == 2


def test_a_body_size_strikes_one_report_alone(sandbox: Sandbox) -> None:
    sandbox.fault("body_size", bytes=1000)
    sandbox.start()
    sandbox.start()
    old, small, other = (report["bytes"] for report in sandbox.reports())
    assert small <= 1000 < other
    assert old > 1000


@pytest.mark.parametrize(
    ("fields", "strikes"),
    [
        ({"vendor": "intelligems"}, False),
        ({"vendor": "buy_with_prime"}, True),
        ({"account": "sandbox-bwp"}, True),
        ({"account": "sandbox-other"}, False),
        ({"operation": "poll"}, True),
        ({"operation": "link"}, False),
        ({"report": "USER_EVENTS:other"}, False),
    ],
)
def test_a_fault_strikes_only_what_it_matches(sandbox: Sandbox, fields: dict[str, str], strikes: bool) -> None:  # noqa: FBT001 - a table of cases
    sandbox.fault("server_error", **fields)
    assert _poll(sandbox).status_code == (500 if strikes else 200)


def test_an_intelligems_account_may_be_named_by_its_token(sandbox: Sandbox) -> None:
    sandbox.fault("server_error", account="sandbox-ig")
    assert [sandbox.export(token=token).status_code for token in ("sandbox-x", "sandbox-ig")] == [200, 500]


def test_a_fault_that_waits_is_listed_and_can_be_dropped(sandbox: Sandbox) -> None:
    faults = sandbox.ready["control"] + "/faults"
    number = sandbox.fault("server_error", count=3, operation="poll").json()["id"]
    _poll(sandbox)
    assert [(each["id"], each["count"]) for each in sandbox.http.get(faults).json()] == [(number, 2)]
    assert sandbox.http.delete(faults).json() == {"removed": 1}
    assert _poll(sandbox).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"fault": "earthquake"}, "null_url, throttle"),
        ({"fault": ["throttle"]}, "null_url, throttle"),
        ({"fault": "throttle", "vendor": "intelligems"}, "vendor"),
        ({"fault": "throttle", "operation": "poll"}, "operation"),
        ({"fault": "throttle", "count": 0}, "count"),
        ({"fault": "throttle", "count": None}, "count"),
        ({"fault": "throttle", "count": True}, "count"),
        ({"fault": "slow_answer", "seconds": "1"}, "seconds"),
        ({"fault": "server_error", "status": 200}, "status"),
        ({"fault": "throttle", "acount": "x"}, "acount"),
        ({"fault": "throttle", "account": 7}, "account"),
        ({"fault": "body_size"}, "bytes"),
        ({"fault": "odd_body", "body": "strange"}, "gzip_bomb"),
        ({"fault": "odd_body"}, "gzip_bomb"),
        ({"fault": "odd_answer", "body": "gzip_bomb"}, "data_null"),
        ({"fault": "graphql_error"}, "ThrottlingException"),
        ({"fault": "redirected"}, "location: redirected needs the URL"),
        ({"fault": "strange_link", "location": 7}, "location"),
        ({"fault": "throttle", "vendor": ["intelligems"]}, "vendor"),
        (["throttle"], "object"),
    ],
)
def test_a_fault_asked_for_wrongly_is_one_sentence(sandbox: Sandbox, wanted: object, named: str) -> None:
    answer = sandbox.http.post(sandbox.ready["control"] + "/faults", json=wanted)
    assert answer.status_code == 422
    assert named in answer.json()["error"]


def test_every_fault_that_can_be_named_is_covered_by_these_tests(launch: Launch) -> None:
    names = launch().fault("?").json()["error"].rstrip(".").split("names are ")[1].split(", ")
    source = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in names if f'"{name}"' not in source] == []
