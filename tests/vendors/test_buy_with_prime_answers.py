"""Promises of the Buy with Prime client under answers that a well-behaved server does not give."""

from typing import Any

import pytest

from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    ExportError,
    RateLimited,
    ReportLost,
    RequestRefused,
    TemporaryError,
    Throttled,
    VendorUnavailable,
)
from landfall.vendors.vendor import Finished
from tests.exports.jobs import make_job
from tests.vendors.accounts import CLIENT_ID, buy_with_prime
from tests.vendors.odd_server import OddServer, Scripted, answer

TOKEN = answer(body={"access_token": "planted-bearer", "token_type": "Bearer", "expires_in": 900})
JOB = make_job(report_id="USER_EVENTS:1")


def failed(field: str, *classifications: Any, message: str = "no", data: object = None) -> Scripted:
    errors = [{"message": message, "extensions": {"classification": one}} for one in classifications]
    return answer(body={"errors": errors, "data": {field: data}})


def of_field(field: str, value: object) -> Scripted:
    return answer(body={"data": {field: value}})


async def test_operations_travel_with_their_names_variables_and_headers() -> None:
    begun = of_field("startReportTask", {"taskId": "USER_EVENTS:1"})
    async with OddServer(token=[TOKEN], graphql=[begun]) as server, buy_with_prime(server.url) as client:
        await client.start(make_job())
    token, call = server.asked
    assert token.form["grant_type"] == "client_credentials"
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.headers["authorization"] == "Bearer planted-bearer"
    assert call.headers["x-api-target-id"] == "target-1"
    assert call.headers["x-api-version"] == "2024-11-01"
    assert call.json["operationName"] == "StartReportTask"
    assert call.json["variables"]["input"]["reportType"] == "USER_EVENTS"


async def test_the_token_can_be_asked_for_in_json() -> None:
    begun = of_field("startReportTask", {"taskId": "USER_EVENTS:1"})
    async with (
        OddServer(token=[TOKEN], graphql=[begun]) as server,
        buy_with_prime(server.url, token_request="json") as client,
    ):
        await client.start(make_job())
    assert server.asked[0].json["client_id"] == CLIENT_ID


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (answer(body={"data": None}), AnswerLost),
        (answer(body={}), AnswerLost),
        (answer(body=[]), AnswerLost),
        (answer(body={"errors": [], "data": {"startReportTask": None}}), AnswerLost),
        (of_field("startReportTask", {}), AnswerLost),
        (of_field("startReportTask", {"taskId": None}), AnswerLost),
        (of_field("startReportTask", {"taskId": ""}), AnswerLost),
        (of_field("startReportTask", {"taskId": "a\x00b"}), AnswerLost),
        (of_field("startReportTask", {"taskId": "x" * 300}), AnswerLost),
        (answer(body={"errors": ["odd"], "data": None}), AnswerLost),
        (failed("startReportTask", {}), AnswerLost),
        (failed("startReportTask", {"errorType": "ThrottlingException"}), Throttled),
        (failed("startReportTask", {"type": "InternalServerError"}), AnswerLost),
        (failed("startReportTask", {"errorCode": 500}), AnswerLost),
        (failed("startReportTask", {"type": "AccessDeniedError"}), CredentialsRefused),
        (failed("startReportTask", {"type": "ResourceNotFoundError"}), RequestRefused),
        (failed("startReportTask", {"type": "OddError"}, {"type": "ThrottlingError"}), Throttled),
        (answer(400, {"errors": [{"extensions": {"classification": "ValidationError"}}]}), RequestRefused),
        (answer(400, b"<html>"), RequestRefused),
        (answer(404), RequestRefused),
        (answer(403), CredentialsRefused),
        (answer(408), VendorUnavailable),
        (answer(429, headers={"retry-after": "9"}), RateLimited),
        (answer(429, {"errors": [{"extensions": {"classification": "ThrottlingError"}}]}), RateLimited),
        (answer(307, headers={"location": "/login"}), VendorUnavailable),
        (answer(500), AnswerLost),
        (answer(503, b"<html>"), AnswerLost),
        (answer(503, {"errors": [{"extensions": {"classification": {"errorCode": 400}}}]}), AnswerLost),
    ],
)
async def test_each_odd_answer_to_a_start_becomes_our_error(scripted: Scripted, error: type[ExportError]) -> None:
    async with OddServer(token=[TOKEN], graphql=[scripted]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(error):
            await client.start(make_job())


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (failed("reportTask", {"errorType": "ThrottlingException"}), RateLimited),
        (failed("reportTask", {"errorCode": 429}), RateLimited),
        (answer(429, headers={"retry-after": "9"}), RateLimited),
        (failed("reportTask", {"type": "InternalServerError"}), VendorUnavailable),
        (failed("reportTask", {}), VendorUnavailable),
        (answer(500), VendorUnavailable),
        (answer(503, b"<html>"), VendorUnavailable),
    ],
)
@pytest.mark.parametrize("question", ["report_status", "download_link"])
async def test_each_odd_answer_to_a_question_becomes_our_error(
    question: str, scripted: Scripted, error: type[ExportError]
) -> None:
    async with OddServer(token=[TOKEN], graphql=[scripted]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(error):
            await getattr(client, question)(JOB)


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, AnswerLost)])
async def test_a_start_that_the_vendor_could_not_take_keeps_the_wait_that_it_named(
    status: int, error: type[TemporaryError]
) -> None:
    scripted = answer(status, headers={"retry-after": "9"})
    async with OddServer(token=[TOKEN], graphql=[scripted]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(error) as raised:
            await client.start(make_job())
    assert raised.value.delay == 9


async def test_a_task_that_was_started_counts_even_beside_an_error() -> None:
    both = failed("startReportTask", {"type": "InternalServerError"}, data={"taskId": "USER_EVENTS:1"})
    async with OddServer(token=[TOKEN], graphql=[both]) as server, buy_with_prime(server.url) as client:
        assert (await client.start(make_job())).report_id == "USER_EVENTS:1"


async def test_a_status_beside_an_error_is_not_believed() -> None:
    both = failed("reportTask", {"type": "InternalServerError"}, data={"status": "COMPLETED"})
    async with OddServer(token=[TOKEN], graphql=[both]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(VendorUnavailable):
            await client.report_status(JOB)


@pytest.mark.parametrize("task", [{}, {"status": None}, {"status": 5}])
async def test_a_task_without_a_status_is_a_lost_answer(task: dict[str, Any]) -> None:
    async with (
        OddServer(token=[TOKEN], graphql=[of_field("reportTask", task)]) as server,
        buy_with_prime(server.url) as client,
    ):
        with pytest.raises(AnswerLost):
            await client.report_status(JOB)


@pytest.mark.parametrize("status", ["completed", "DONE", "", "COMPLETED "])
async def test_no_status_but_the_exact_one_is_success(status: str) -> None:
    async with (
        OddServer(token=[TOKEN], graphql=[of_field("reportTask", {"status": status})]) as server,
        buy_with_prime(server.url) as client,
    ):
        told = await client.report_status(JOB)
    assert "unknown status" in str(told)


@pytest.mark.parametrize("link", [{}, {"downloadUrl": None}, {"downloadUrl": 5}, {"downloadUrl": "javascript:x"}])
async def test_an_unreadable_link_is_a_lost_answer(link: dict[str, Any]) -> None:
    async with (
        OddServer(token=[TOKEN], graphql=[of_field("reportDownloadLink", link)]) as server,
        buy_with_prime(server.url) as client,
    ):
        with pytest.raises(AnswerLost):
            await client.download_link(JOB)


async def test_an_expired_report_is_lost_as_the_vendors_page_shows_it() -> None:
    shown = {"type": "ResourceNotFoundError", "errorType": "ResourceNotFoundException", "errorCode": 404}
    gone = failed("reportTask", shown, message="Querying for an invalid or expired taskId")
    async with OddServer(token=[TOKEN], graphql=[gone]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(ReportLost, match="Querying for an invalid or expired taskId"):
            await client.report_status(JOB)


async def test_a_validation_error_tells_its_code_and_details() -> None:
    shown = {"type": "ValidationError", "code": "InvalidDateRange", "details": {"message": "end before start"}}
    refused = failed("startReportTask", shown, message="Input request is not valid")
    async with OddServer(token=[TOKEN], graphql=[refused]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(RequestRefused, match=r"InvalidDateRange: Input request is not valid: end before start$"):
            await client.start(make_job())


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (answer(400, {"error": "invalid_client"}), CredentialsRefused),
        (answer(401, {"error": "invalid_client"}), CredentialsRefused),
        (answer(403), CredentialsRefused),
        (answer(400, {"error": "invalid_request"}), RequestRefused),
        (answer(404), RequestRefused),
        (answer(429, headers={"retry-after": "9"}), RateLimited),
        (answer(500), VendorUnavailable),
        (answer(200, b"<html>"), VendorUnavailable),
        (answer(200, {}), VendorUnavailable),
        (answer(200, {"access_token": ""}), VendorUnavailable),
        (answer(200, {"access_token": "a\r\nb: c"}), VendorUnavailable),
        (answer(200, {"access_token": "tökén"}), VendorUnavailable),
    ],
)
async def test_each_odd_answer_of_the_token_endpoint_becomes_our_error_and_starts_nothing(
    scripted: Scripted, error: type[ExportError]
) -> None:
    async with OddServer(token=[scripted], graphql=[answer()]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(error):
            await client.start(make_job())
    assert not server.asked_for("graphql")


@pytest.mark.parametrize(
    ("scripted", "error"),
    [(answer(401, {"error": "invalid_client"}), CredentialsRefused), (answer(503), VendorUnavailable)],
)
async def test_a_client_that_cannot_be_prepared_says_why_and_starts_nothing(
    scripted: Scripted, error: type[ExportError]
) -> None:
    async with OddServer(token=[scripted], graphql=[answer()]) as server, buy_with_prime(server.url) as client:
        with pytest.raises(error):
            await client.prepare()
    assert not server.asked_for("graphql")


async def test_a_client_that_is_prepared_again_asks_nothing_and_its_start_is_one_call() -> None:
    begun = of_field("startReportTask", {"taskId": "USER_EVENTS:1"})
    async with OddServer(token=[TOKEN], graphql=[begun]) as server, buy_with_prime(server.url) as client:
        await client.prepare()
        await client.prepare()
        assert [asked.path for asked in server.asked] == ["/token"]
        await client.start(make_job())
    assert [asked.path for asked in server.asked] == ["/token", "/graphql"]


async def told_build_seconds(**task: object) -> float | None:
    scripted = of_field("reportTask", {"status": "COMPLETED", **task})
    async with OddServer(token=[TOKEN], graphql=[scripted]) as server, buy_with_prime(server.url) as client:
        status = await client.report_status(JOB)
    assert isinstance(status, Finished)
    return status.build_seconds


@pytest.mark.parametrize(
    ("asked", "ended", "seconds"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:01:30Z", 90),
        ("2026-01-31T12:00:00.250Z", "2026-01-31T12:00:01.000Z", 0.75),
        ("2026-01-31T12:00:00Z", "2026-01-31T14:00:05+02:00", 5),
        ("2026-01-31T23:59:59Z", "2026-02-01T00:00:01Z", 2),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:07", 7),
    ],
)
async def test_a_finished_task_tells_how_long_it_built(asked: str, ended: str, seconds: float) -> None:
    assert await told_build_seconds(requestTime=asked, lastUpdatedTime=ended) == seconds


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"requestTime": "2026-01-31T12:00:00Z"},
        {"lastUpdatedTime": "2026-01-31T12:00:00Z"},
        {"requestTime": None, "lastUpdatedTime": None},
        {"requestTime": 1769860800, "lastUpdatedTime": 1769860890},
        {"requestTime": [], "lastUpdatedTime": {}},
        {"requestTime": "", "lastUpdatedTime": ""},
        {"requestTime": "yesterday", "lastUpdatedTime": "2026-01-31T12:00:00Z"},
        {"requestTime": "2026-01-31T12:00:00Z", "lastUpdatedTime": "2026-02-31T12:00:00Z"},
        {"requestTime": "2026-01-31T12:00:00Z", "lastUpdatedTime": "2026-01-31T12:01:00"},
        {"requestTime": "2026-01-31T12:00:00Z", "lastUpdatedTime": "2026-01-31T12:00:00Z"},
        {"requestTime": "2026-01-31T12:01:00Z", "lastUpdatedTime": "2026-01-31T12:00:00Z"},
    ],
)
async def test_times_that_make_no_sense_tell_nothing_of_the_build_and_finish_it_all_the_same(
    task: dict[str, Any],
) -> None:
    assert await told_build_seconds(**task) is None
