"""Lets the vendors misbehave: what can be survived is, what cannot fails with its reason and the action to take."""

from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(worker: Stack) -> Stack:
    worker.forget()
    return worker


SURVIVED: list[tuple[str, str, dict[str, Any]]] = [
    ("shop-bwp", "throttle", {"count": 2}),
    ("shop-bwp", "report_failed", {}),
    ("shop-bwp", "running", {"count": 3}),
    ("shop-bwp", "unknown_status", {"count": 2}),
    ("shop-bwp", "token_error", {"count": 2}),
    *(("shop-bwp", "internal_error", {"operation": step}) for step in ("start", "poll", "link")),
    *(
        ("shop-bwp", "server_error", {"operation": step, "status": 503})
        for step in ("start", "poll", "link", "download")
    ),
    *(("shop-bwp", "rate_limited", {"operation": step, "seconds": 0.2}) for step in ("start", "poll", "link")),
    *(("shop-bwp", "lost_answer", {"operation": step}) for step in ("start", "poll", "link", "token")),
    *(("shop-bwp", "garbage_answer", {"operation": step}) for step in ("start", "poll", "link")),
    *(("shop-bwp", "unauthorized", {"operation": step}) for step in ("start", "poll", "link")),
    ("shop-bwp", "report_gone", {}),
    ("shop-bwp", "download_dropped", {}),
    ("shop-bwp", "download_truncated", {}),
    ("shop-bwp", "link_expired", {}),
    ("shop-bwp", "html_page", {}),
    ("shop-ab", "null_url", {"count": 2}),
    ("shop-ab", "server_error", {"operation": "start"}),
    ("shop-ab", "rate_limited", {"operation": "start", "seconds": 0.2}),
    ("shop-ab", "lost_answer", {"operation": "start"}),
    ("shop-ab", "garbage_answer", {"operation": "start"}),
    ("shop-ab", "report_failed", {}),
    ("shop-ab", "download_truncated", {}),
    ("shop-ab", "link_expired", {}),
]


@pytest.mark.parametrize(
    ("account", "fault", "how"),
    SURVIVED,
    ids=[f"{account}-{fault}-{how.get('operation', '')}".strip("-") for account, fault, how in SURVIVED],
)
def test_what_a_vendor_does_wrong_is_survived(stack: Stack, account: str, fault: str, how: dict[str, Any]) -> None:
    if fault == "unauthorized":  # the reset has revoked the worker's token already; one more 401 is one too many
        stack.wait_for(stack.submit(account, force=True), "stored")
    stack.sandbox.fault(fault, **how)
    export = stack.wait_for(stack.submit(account, force=True), "stored", "failed")
    assert export["state"] == "stored", export["error"]
    assert stack.sandbox.stats()["faults"] == {fault: how.get("count", 1)}
    served = {report["sha256"]: report["rows"] for report in stack.sandbox.reports()}
    assert served[export["file"]["sha256"]] == export["file"]["rows"]
    assert len(stack.files(export["id"])) == 1


@pytest.mark.parametrize(
    ("account", "fault", "code"),
    [
        ("shop-ab", "unauthorized", "credentials_refused"),
        ("shop-ab", "forbidden", "credentials_refused"),
        ("shop-bwp", "forbidden", "credentials_refused"),
    ],
)
def test_refused_credentials_fail_the_export_with_the_action_to_take(
    stack: Stack, account: str, fault: str, code: str
) -> None:
    stack.sandbox.fault(fault, operation="start")
    export = stack.wait_for(stack.submit(account, force=True), "stored", "failed")
    assert (export["state"], export["error"]["code"]) == ("failed", code)
    assert "landfall.toml" in export["error"]["action"]
    assert export["attempts"] == 1


@pytest.mark.parametrize("fault", ["empty_body", "header_only"])
def test_an_empty_report_is_a_success_that_says_so(stack: Stack, fault: str) -> None:
    stack.sandbox.fault(fault)
    export = stack.wait_for(stack.submit(force=True), "stored", "failed")
    assert (export["state"], export["file"]["rows"], export["file"]["empty"]) == ("stored", 0, True)


@pytest.mark.parametrize("account", ["shop-ab", "shop-bwp"])
def test_a_request_that_the_vendor_refuses_fails_at_the_first_attempt(stack: Stack, account: str) -> None:
    stack.sandbox.fault("server_error", operation="start", status=400)
    export = stack.wait_for(stack.submit(account, force=True), "stored", "failed")
    assert (export["state"], export["error"]["code"]) == ("failed", "request_refused")
    assert "400" in export["error"]["message"]


def test_reports_that_keep_failing_end_the_export_with_the_reason(stack: Stack) -> None:
    stack.sandbox.fault("report_failed", count=3)
    export = stack.wait_for(stack.submit(force=True), "stored", "failed")
    assert (export["state"], export["error"]["code"], export["generation"]) == ("failed", "report_lost", 3)
