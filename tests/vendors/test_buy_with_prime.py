"""Promises of the Buy with Prime client, kept against the sandbox."""

import asyncio
from typing import Any

import pytest

from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    ExportError,
    LinkNotReady,
    RateLimited,
    ReportLost,
    RequestRefused,
    Throttled,
    VendorUnavailable,
    VendorUnreachable,
)
from landfall.exports.job import ExportJob
from landfall.vendors.buy_with_prime.client import BuyWithPrime
from landfall.vendors.vendor import Finished, Pending
from tests.exports.jobs import make_job
from tests.vendors.accounts import buy_with_prime
from tests.vendors.sandbox_process import Sandbox, run_sandbox

JANUARY = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-02-01"}


async def started(client: BuyWithPrime, **changes: Any) -> ExportJob:
    begun = await client.start(make_job(**changes))
    return make_job(report_id=begun.report_id, **changes)


async def finished(client: BuyWithPrime) -> ExportJob:
    job = await started(client)
    while not isinstance(await client.report_status(job), Finished):
        pass
    return job


async def test_a_report_is_started_polled_and_linked(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await started(client, request=JANUARY)
        assert job.report_id
        assert job.report_id.startswith("USER_EVENTS:")
        while not isinstance(status := await client.report_status(job), Finished):
            pass
        link = await client.download_link(job)
    assert "/files/" in link.url
    assert link.url not in repr(link)
    assert status.build_seconds
    assert status.build_seconds == pytest.approx(0.05, rel=0.9)
    assert sandbox.stats()["tokens"] == 1


async def test_the_vendor_receives_the_range_in_iso_8601_utc(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        await started(client, request={**JANUARY, "start": "2026-01-01T01:00:00+01:00"})
    assert sandbox.reports()[0]["request"] == {
        "timeRange": {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-02-01T00:00:00Z"},
        "reportType": "USER_EVENTS",
    }


async def test_a_start_without_a_range_asks_every_time_for_the_week_before_the_export_was_created(
    sandbox: Sandbox,
) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        await started(client)
        await started(client)
    first, second = (report["request"] for report in sandbox.reports())
    assert first == second
    assert first["timeRange"] == {"startDate": "2026-01-24T12:00:00Z", "endDate": "2026-01-31T12:00:00Z"}


async def test_the_sixth_start_is_throttled() -> None:
    with run_sandbox("--build-mean", "1000", "--build-sigma", "0") as sandbox:
        async with buy_with_prime(sandbox.buy_with_prime) as client:
            for _ in range(5):
                await started(client)
            with pytest.raises(Throttled):
                await client.start(make_job())
        assert list(sandbox.stats()["most_started"].values()) == [5]


async def test_a_crowd_of_starts_shares_one_token(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        await asyncio.gather(*(client.start(make_job()) for _ in range(5)))
    assert sandbox.stats()["tokens"] == 1


async def test_a_client_that_is_prepared_has_its_token_and_started_nothing(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        await client.prepare()
        assert sandbox.stats()["tokens"] == 1
        assert not any(sandbox.stats()["starts"].values())
        await client.start(make_job())
    assert sandbox.stats()["tokens"] == 1


async def test_a_token_is_replaced_before_it_dies() -> None:
    with run_sandbox("--build-mean", "0.05", "--build-sigma", "0", "--token-seconds", "0.5") as sandbox:
        async with buy_with_prime(sandbox.buy_with_prime) as client:
            job = await started(client)
            while sandbox.stats()["tokens"] < 3:
                await client.report_status(job)


@pytest.mark.parametrize("operation", ["start", "poll", "link"])
async def test_a_refused_token_is_replaced_once_and_the_call_repeated(sandbox: Sandbox, operation: str) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await started(client)
        while not isinstance(await client.report_status(job), Finished):
            pass
        sandbox.fault("unauthorized", operation=operation)
        calls = {"start": client.start, "poll": client.report_status, "link": client.download_link}
        await calls[operation](job)
    assert sandbox.stats()["tokens"] == 2
    assert sandbox.stats()["starts"]["buy_with_prime"] == (2 if operation == "start" else 1)


async def test_a_token_refused_twice_is_refused_credentials(sandbox: Sandbox) -> None:
    sandbox.fault("unauthorized", operation="start", count=2)
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        with pytest.raises(CredentialsRefused):
            await client.start(make_job())
        assert (await client.start(make_job())).report_id


async def test_a_wrong_secret_is_refused_credentials(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime, secret="planted-wrong-secret") as client:
        with pytest.raises(CredentialsRefused) as refused:
            await client.start(make_job())
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        ("throttle", {}, Throttled),
        ("internal_error", {"operation": "start"}, AnswerLost),
        ("server_error", {"operation": "start", "status": 500}, AnswerLost),
        ("server_error", {"operation": "start", "status": 502}, AnswerLost),
        ("server_error", {"operation": "start", "status": 503}, AnswerLost),
        ("rate_limited", {"operation": "start", "seconds": 2}, RateLimited),
        ("lost_answer", {"operation": "start"}, AnswerLost),
        ("garbage_answer", {"operation": "start"}, AnswerLost),
        ("forbidden", {"operation": "start"}, CredentialsRefused),
        ("token_error", {"status": 503}, VendorUnavailable),
        ("rate_limited", {"operation": "token"}, RateLimited),
        ("lost_answer", {"operation": "token"}, VendorUnreachable),
        ("garbage_answer", {"operation": "token"}, VendorUnavailable),
        ("unauthorized", {"operation": "token"}, CredentialsRefused),
    ],
)
async def test_each_fault_at_a_start_becomes_our_error(
    sandbox: Sandbox, fault: str, how: dict[str, Any], error: type[ExportError]
) -> None:
    sandbox.fault(fault, **how)
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        with pytest.raises(error):
            await client.start(make_job())
    assert sandbox.stats()["faults"] == {fault: 1}


@pytest.mark.parametrize("operation", ["poll", "link"])
@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        ("internal_error", {}, VendorUnavailable),
        ("server_error", {"status": 500}, VendorUnavailable),
        ("server_error", {"status": 503}, VendorUnavailable),
        ("rate_limited", {"seconds": 2}, RateLimited),
        ("lost_answer", {}, AnswerLost),
    ],
)
async def test_each_fault_at_a_question_becomes_our_error(
    sandbox: Sandbox, operation: str, fault: str, how: dict[str, Any], error: type[ExportError]
) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await started(client)
        sandbox.fault(fault, operation=operation, **how)
        ask = client.report_status if operation == "poll" else client.download_link
        with pytest.raises(error):
            await ask(job)
    assert sandbox.stats()["faults"] == {fault: 1}


async def test_running_and_unknown_statuses_are_waited_out_and_the_unknown_is_told() -> None:
    with run_sandbox("--build-mean", "1000", "--build-sigma", "0") as sandbox:
        async with buy_with_prime(sandbox.buy_with_prime) as client:
            job = await started(client)
            assert await client.report_status(job) == Pending()
            sandbox.fault("running")
            assert await client.report_status(job) == Pending()
            sandbox.fault("unknown_status")
            assert await client.report_status(job) == Pending(note="unknown status 'ARCHIVING'")


async def test_a_link_to_a_report_whose_status_went_back_is_waited_for(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await finished(client)
        sandbox.fault("goes_back", operation="link", seconds=1000)
        with pytest.raises(LinkNotReady, match="not finished after all"):
            await client.download_link(job)


async def test_a_question_for_a_link_that_the_vendor_refuses_is_not_repeated(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await finished(client)
        sandbox.fault("graphql_error", operation="link", body="ValidationException")
        with pytest.raises(RequestRefused):
            await client.download_link(job)


async def test_a_failed_report_is_lost(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = await started(client)
        sandbox.fault("report_failed", report=job.report_id)
        with pytest.raises(ReportLost, match="failed"):
            await client.report_status(job)


async def test_a_report_that_is_gone_is_lost_at_poll_and_link(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = make_job(report_id="USER_EVENTS:23272b65-efac-412d-a8aa-ce8ef41bb448")
        with pytest.raises(ReportLost, match="no longer has the report"):
            await client.report_status(job)
        with pytest.raises(ReportLost, match="no longer has the report"):
            await client.download_link(job)


async def test_an_export_without_a_task_id_has_lost_its_report(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        with pytest.raises(ReportLost):
            await client.report_status(make_job())


async def test_a_range_that_the_vendor_refuses_is_told_in_its_words(sandbox: Sandbox) -> None:
    async with buy_with_prime(sandbox.buy_with_prime) as client:
        job = make_job(request={"report_type": "ORDERS", "start": "2026-01-01", "end": "2026-02-01"})
        with pytest.raises(RequestRefused, match="report_type"):
            await client.start(job)
