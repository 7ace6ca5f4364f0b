"""Lets exports run through an API and workers that trace, and looks at what a collector gets of it."""

import json
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

import pytest

from tests.stack import EXPERIENCE, LINK_SECRET, ROOT, SECRETS, Stack, until
from tests.tracing.collector import Collector, Got

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_CALLER = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
NOTHING_FROM_CALLER = {"traceparent": f"00-{TRACE}-{CALLER}-00"}


def submit(stack: Stack, *, number: int, account: str = "shop-bwp", headers: dict[str, str] | None = None) -> str:
    request: dict[str, Any] = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": f"2026-03-{number:02}"}
    if account != "shop-bwp":
        request = {"experience_id": f"{EXPERIENCE}{number:02x}", "export_type": "orders"}
    answer = stack.post(
        "/v1/exports", json={"account": account, "request": request, "force": True}, headers=headers or FROM_CALLER
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def whole(collector: Collector, export_id: str, steps: Collection[str] = ("start", "download")) -> list[Got]:
    """The export's spans once its end has come, and each of these steps."""

    def look() -> list[Got] | None:
        found = collector.of(export_id)
        return found if {"export", "POST /v1/exports", *steps} <= {span.name for span in found} else None

    return until(look, f"the spans of {export_id}")


def one(spans: list[Got], name: str) -> Got:
    """The one of this name that did not fail: the sandbox may have forgotten the access token."""
    (found,) = (span for span in spans if span.name == name and not span.failed)
    return found


def test_an_export_is_one_trace_from_its_caller_to_its_file(stack: Stack, collector: Collector) -> None:
    stack.start("worker")
    id_ = submit(stack, number=1)
    stack.wait_for(id_, "stored")
    spans = whole(collector, id_)
    assert {span.trace for span in spans} == {TRACE}
    served, export, download = one(spans, "POST /v1/exports"), one(spans, "export"), one(spans, "download")
    assert (served.parent, served.kind, served.service) == (CALLER, "server", "landfall-api")
    assert (export.parent, export.service) == (served.id, "landfall-worker")
    steps = [span for span in spans if span.kind == "consumer"]
    assert {span.parent for span in steps} == {export.id}
    assert {span.name for span in steps} == {"start", "poll", "download"}
    assert one(spans, "POST StartReportTask").parent == one(spans, "start").id
    assert one(spans, "POST /token").parent == export.id
    fetched, published = one(spans, "GET file"), one(spans, "publish")
    assert {fetched.parent, published.parent, one(spans, "POST ReportDownloadLink").parent} == {download.id}
    assert download.began <= fetched.began <= fetched.ended <= published.began <= published.ended <= download.ended


def test_the_spans_tell_what_the_export_tells(stack: Stack, collector: Collector) -> None:
    stack.start("worker")
    id_ = submit(stack, number=2)
    export = stack.wait_for(id_, "stored")
    spans = whole(collector, id_)
    named = {
        "landfall.export.id": id_,
        "landfall.account": "shop-bwp",
        "landfall.vendor": "buy_with_prime",
        "landfall.report_type": "USER_EVENTS",
        "landfall.generation": 1,
    }
    file = {"landfall.file.bytes": export["file"]["bytes"], "landfall.file.rows": export["file"]["rows"]}
    life = named | file | {"landfall.state": "stored", "landfall.polls": export["polls"]}
    assert one(spans, "export").told == life
    done = {"landfall.attempt": 1, "landfall.outcome": "advanced", "landfall.state": "stored"}
    assert one(spans, "download").told == named | done | {"landfall.step": "download"}
    assert one(spans, "publish").told == file
    assert one(spans, "start").told["landfall.queue_seconds"] >= 0
    assert one(spans, "POST /v1/exports").told == named | {
        "http.request.method": "POST",
        "http.route": "/v1/exports",
        "http.response.status_code": 202,
    }
    asked = one(spans, "POST StartReportTask").told
    assert asked["url.path"] == "/buywithprime/graphql"
    assert (asked["server.address"], asked["http.response.status_code"]) == ("127.0.0.1", 200)
    assert not any(span.failed for span in spans if span.kind != "client")


@pytest.mark.slow
def test_a_trace_goes_on_in_the_worker_that_takes_over(stack: Stack, collector: Collector) -> None:
    stack.sandbox.fault("never_finishes", vendor="buy_with_prime")
    first = stack.start("worker")
    id_ = submit(stack, number=3)
    until(lambda: any(span.name == "poll" for span in collector.of(id_)), "a poll")
    first.terminate()
    first.wait(30)
    before = len(collector.of(id_))
    stack.start("worker")
    until(lambda: len(collector.of(id_)) > before, "a poll of the other worker")
    stack.post(f"/v1/exports/{id_}/cancel").raise_for_status()
    spans = whole(collector, id_, ["start", "poll"])
    export = one(spans, "export")
    assert {span.trace for span in spans if span.kind != "server"} == {TRACE}
    assert {span.parent for span in spans if span.kind == "consumer"} == {export.id}
    assert (export.service, export.told["landfall.state"], export.failed) == ("landfall-api", "cancelled", False)


@pytest.mark.slow
def test_a_step_that_its_stopping_worker_gives_back_has_not_failed(stack: Stack, collector: Collector) -> None:
    stack.sandbox.fault("slow_body", seconds=600, after_bytes=20_000)
    before = _downloads(stack)
    stopping = stack.start("worker", LANDFALL_GRACE_SECONDS="0")
    id_ = submit(stack, number=14)
    until(lambda: _downloads(stack) > before, "a download that the slow body struck")
    stopping.terminate()
    stopping.wait(30)
    stack.start("worker")
    stack.wait_for(id_, "stored")
    downloads = [span for span in whole(collector, id_) if span.name == "download"]
    assert [span.told["landfall.outcome"] for span in downloads] == ["cut_short", "advanced"]
    assert [span.failed for span in downloads] == [False, False]


def _downloads(stack: Stack) -> int:
    return sum(report["downloads"] for report in stack.sandbox.reports())


@pytest.mark.slow
def test_failed_attempts_and_a_failed_life_are_marked_and_a_retry_begins_another(
    stack: Stack, collector: Collector
) -> None:
    for _ in range(3):
        stack.sandbox.fault("report_failed", vendor="buy_with_prime")
    stack.sandbox.fault("server_error", operation="download")
    stack.start("worker")
    id_ = submit(stack, number=4)
    stack.wait_for(id_, "failed")
    until(lambda: collector.ended(id_), "the end of the first life")
    stack.post(f"/v1/exports/{id_}/retry", json={}).raise_for_status()
    stack.wait_for(id_, "stored")
    until(lambda: Counter(span.name for span in collector.of(id_))["export"] == 2, "the end of the second life")
    spans = [span for span in whole(collector, id_) if span.trace == TRACE]
    failed, stored = (span for span in spans if span.name == "export")
    if stored.failed:
        failed, stored = stored, failed
    assert (failed.failed, failed.told["error.type"], failed.told["landfall.state"]) == (True, "report_lost", "failed")
    assert (stored.failed, stored.parent, stored.told["landfall.state"]) == (False, failed.id, "stored")
    assert len({span.id for span in spans}) == len(spans)
    lives = {span.name: {each.parent for each in spans if each.name == span.name} for span in spans}
    assert lives["start"] == {failed.id, stored.id}
    assert lives["download"] == {stored.id}
    refused = [span for span in spans if span.name == "GET file" and span.failed]
    told = [(span.told["http.response.status_code"], span.told["error.type"]) for span in refused]
    assert told == [(500, "transfer_broken")]
    retried = next(span for span in collector.spans if span.name == "POST /v1/exports/{export_id}/retry")
    assert retried.trace != TRACE
    assert retried.links == [(TRACE, stored.id)]


def test_each_export_of_a_batch_has_a_trace_of_its_own_that_the_request_points_to(
    stack: Stack, collector: Collector
) -> None:
    stack.start("worker")
    one_request = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS", "start": "2026-01-01"}}
    exports = [one_request | {"request": one_request["request"] | {"end": f"2026-04-0{day}"}} for day in (1, 2)]  # type: ignore[operator]  # it is a dict
    answer = stack.post("/v1/batches", json={"exports": exports}, headers=FROM_CALLER)
    assert answer.status_code == 202, answer.text
    batch = answer.json()["id"]
    until(lambda: stack.get(f"/v1/batches/{batch}").json()["finished_at"], "the end of the batch")
    ids = [each["id"] for each in stack.get("/v1/exports", params={"batch": batch}).json()["items"]]
    lives = [until(lambda id_=id_: collector.ended(id_), "its end") for id_ in ids]  # type: ignore[misc]  # mypy cannot infer it
    served = until(lambda: next((span for span in collector.spans if span.name == "POST /v1/batches"), None), "it")
    assert (served.trace, served.parent) == (TRACE, CALLER)
    assert sorted(served.links) == sorted((life.trace, life.id) for life in lives)
    assert len({life.trace for life in lives} | {TRACE}) == 3
    assert {life.parent for life in lives} == {""}


def test_a_request_that_is_in_flight_already_points_to_its_export(stack: Stack, collector: Collector) -> None:
    id_ = stack.submit(number=7)
    again = stack.ask(number=7)
    assert (again.status_code, again.json()["id"]) == (200, id_)
    spans = until(lambda: found if len(found := collector.of(id_)) > 1 else None, "the spans of both requests")
    first, second = sorted(spans, key=lambda span: -span.told["http.response.status_code"])
    assert [trace for trace, _ in second.links] == [first.trace] != [second.trace]
    assert first.links == []
    stack.post(f"/v1/exports/{id_}/cancel").raise_for_status()


def test_what_the_caller_does_not_record_is_not_recorded_here(stack: Stack, collector: Collector) -> None:
    stack.start("worker")
    silent, loud = submit(stack, number=8, headers=NOTHING_FROM_CALLER), submit(stack, number=9)
    stack.wait_for(silent, "stored")
    stack.wait_for(loud, "stored")
    whole(collector, loud)
    assert collector.of(silent) == []
    stack.stop(but=1)
    assert collector.of(silent) == []


@pytest.mark.slow
def test_every_line_of_the_log_that_a_step_writes_names_the_trace(stack: Stack) -> None:
    stack.start("worker")
    id_ = submit(stack, number=10)
    stack.wait_for(id_, "stored")
    stack.stop(but=1)
    for name in ("api", "worker"):
        lines = [json.loads(line) for line in stack.log(name).splitlines() if line.startswith("{")]
        told = [line for line in lines if line.get("export") == id_ or line.get("path") == "/v1/exports"]
        assert {line.get("trace_id") for line in told if line.get("method") != "GET"} >= {TRACE}
        assert all("trace_id" in line for line in told if line["event"] == "step")


def documented() -> dict[str, tuple[str, set[str]]]:
    """What docs/reference/traces.md says of each span: its kind and its attributes."""
    text = (ROOT / "docs/reference/traces.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \|[^|]+\|(.*)\|$", text, re.MULTILINE)
    shared = set(re.findall(r"`(landfall\.[\w.]+)`", re.findall(r"^Shared: (.+)$", text, re.MULTILINE)[0]))
    return {
        name: (
            kind,
            set(re.findall(r"`([a-z]+[._][\w.]+)`", told)) | {"error.type"} | (shared if "shared" in told else set()),
        )
        for name, kind, told in rows
    }


def place_in_table(span: Got) -> str:
    match span.kind:
        case "server":
            return "METHOD route"
        case "client" if span.name != "GET file":
            return "POST operation"
        case _:
            return span.name


def test_the_table_of_spans_names_every_span_and_attribute(stack: Stack, collector: Collector) -> None:
    stack.sandbox.fault("rate_limited", operation="poll", vendor="buy_with_prime")
    stack.start("worker")
    for account in ("shop-bwp", "shop-copy"):
        id_ = submit(stack, number=11, account=account)
        stack.wait_for(id_, "stored")
        whole(collector, id_)
    table = documented()
    seen = {place_in_table(span) for span in collector.spans}
    assert seen == set(table)
    for span in collector.spans:
        kind, told = table[place_in_table(span)]
        assert span.kind == kind, span
        assert set(span.told) <= told, span
    for name, (_, told) in table.items():
        every = {key for span in collector.spans if place_in_table(span) == name for key in span.told}
        assert told - every <= {"error.type"}, name


def test_no_secret_and_no_signed_link_is_in_what_the_collector_gets(stack: Stack, collector: Collector) -> None:
    faults = [
        ("download_dropped", {}),
        ("link_expired", {}),
        ("unauthorized", {"operation": "poll"}),
        ("garbage_answer", {"operation": "link"}),
        ("lost_answer", {"operation": "token"}),
    ]
    for fault, how in faults:
        stack.sandbox.fault(fault, **how)
    stack.start("worker")
    ids = [submit(stack, number=number, account=account) for number in (12, 13) for account in ("shop-bwp", "shop-ab")]
    for id_ in ids:
        stack.wait_for(id_, "stored", "failed")
        whole(collector, id_, [])
    stack.post("/v1/exports?token=PlantedInQuery", json={})
    stack.post("/PlantedInPath", json={})
    stack.stop(but=1)
    every = b"".join(collector.bodies)
    planted = [*SECRETS.values(), LINK_SECRET, stack.key, "PlantedCollectorToken", "PlantedInQuery", "PlantedInPath"]
    assert not [secret for secret in planted if secret != SECRETS["BWP_ID"] and secret.encode() in every]
    assert not re.search(rb"X-Amz-|Signature=|(?i:bearer )", every)
    assert b"authorization" not in every.lower()
