"""Promises of the Intelligems client, kept against the sandbox and against odd answers."""

from typing import Any

import pytest

from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    ExportError,
    LinkNotReady,
    RateLimited,
    RequestRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from landfall.vendors.intelligems.faults import complaints
from landfall.vendors.vendor import Finished, Pending, Started
from tests.vendors.accounts import EXPERIENCE, intelligems, intelligems_job
from tests.vendors.odd_server import OddServer, Scripted, answer
from tests.vendors.sandbox_process import Sandbox, run_sandbox

LINK = {"url": "https://bucket.example/file.csv?X-Amz-Signature=planted", "expiresIn": 900, "message": "Export ready"}
NO_LINK = {"url": None, "expiresIn": 0, "message": "Export timed out, please retry"}


async def test_a_start_whose_report_is_built_leads_to_a_link_in_a_single_post(sandbox: Sandbox) -> None:
    async with intelligems(sandbox.intelligems) as client:
        assert await client.start(intelligems_job()) == Started(built=True)
        link = await client.download_link(intelligems_job())
    assert "/files/" in link.url
    assert link.url not in repr(link)
    assert sandbox.stats()["requests"] == 1


async def test_the_vendor_receives_exactly_what_was_asked_for(sandbox: Sandbox) -> None:
    job = intelligems_job()
    request = {**job.request, "filters": {"countryCodes": ["US"], "deviceType": None}}
    async with intelligems(sandbox.intelligems) as client:
        await client.start(intelligems_job(request=request))
    assert sandbox.reports()[0]["request"] == {
        "experienceId": EXPERIENCE,
        "exportType": "orders",
        "startTs": "1767225600",
        "endTs": "1769817600",
        "filters": {"countryCodes": ["US"]},
    }


async def test_the_second_link_is_asked_for_anew(sandbox: Sandbox) -> None:
    async with intelligems(sandbox.intelligems) as client:
        await client.start(intelligems_job())
        await client.download_link(intelligems_job())
        await client.download_link(intelligems_job())
    assert sandbox.stats()["requests"] == 2
    assert sandbox.stats()["starts"]["intelligems"] == 1


async def test_another_process_gets_a_link_to_the_same_report(sandbox: Sandbox) -> None:
    async with intelligems(sandbox.intelligems) as client:
        await client.start(intelligems_job())
    async with intelligems(sandbox.intelligems) as other:
        assert (await other.download_link(intelligems_job())).url
    assert len(sandbox.reports()) == 1


async def test_a_report_without_a_range_is_the_same_report_at_every_post(sandbox: Sandbox) -> None:
    job = intelligems_job(request={"experience_id": EXPERIENCE, "export_type": "order_line_items"})
    async with intelligems(sandbox.intelligems) as client:
        sandbox.fault("null_url")
        assert await client.start(job) == Started(built=False)
        while not isinstance(await client.report_status(job), Finished):
            pass
    assert len(sandbox.reports()) == 1


async def test_a_null_url_is_never_success(sandbox: Sandbox) -> None:
    sandbox.fault("null_url", count=3)
    async with intelligems(sandbox.intelligems) as client:
        assert await client.start(intelligems_job()) == Started(built=False)
        assert await client.report_status(intelligems_job()) == Pending()
        with pytest.raises(LinkNotReady, match="timed out"):
            await client.download_link(intelligems_job())


@pytest.mark.slow
async def test_a_slow_report_is_polled_by_the_same_post_until_it_is_built() -> None:
    with run_sandbox("--build-mean", "2", "--build-sigma", "0", "--intelligems-timeout", "0.2") as sandbox:
        async with intelligems(sandbox.intelligems) as client:
            assert await client.start(intelligems_job()) == Started(built=False)
            while not isinstance(await client.report_status(intelligems_job()), Finished):
                pass
            assert (await client.download_link(intelligems_job())).url
        assert len(sandbox.reports()) == 1


async def test_a_wrong_token_is_refused_credentials(sandbox: Sandbox) -> None:
    async with intelligems(sandbox.intelligems, token="planted-token") as client:
        with pytest.raises(CredentialsRefused) as refused:
            await client.start(intelligems_job())
    assert "planted-token" not in str(refused.value)


async def test_a_rate_limit_names_its_wait(sandbox: Sandbox) -> None:
    sandbox.fault("rate_limited", seconds=3)
    async with intelligems(sandbox.intelligems) as client:
        with pytest.raises(RateLimited) as limited:
            await client.start(intelligems_job())
    assert limited.value.delay == 3


async def test_a_real_empty_bucket_names_its_wait_in_the_last_good_answer_and_in_the_refusal() -> None:
    with run_sandbox("--build-mean", "0", "--rate-burst", "1", "--rate-refill", "0.2") as sandbox:
        async with intelligems(sandbox.intelligems) as client:
            started = await client.start(intelligems_job())
            with pytest.raises(RateLimited) as limited:
                await client.report_status(intelligems_job())
    assert limited.value.delay
    assert 1 <= limited.value.delay <= 5
    assert started.rest
    assert 1 <= started.rest <= 5


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        ("server_error", {"status": 500}, VendorUnavailable),
        ("server_error", {"status": 503}, VendorUnavailable),
        ("lost_answer", {}, AnswerLost),
        ("garbage_answer", {}, AnswerLost),
        ("unauthorized", {}, CredentialsRefused),
        ("forbidden", {}, CredentialsRefused),
    ],
)
async def test_each_fault_of_the_vendor_becomes_our_error(
    sandbox: Sandbox, fault: str, how: dict[str, Any], error: type[ExportError]
) -> None:
    sandbox.fault(fault, **how)
    async with intelligems(sandbox.intelligems) as client:
        with pytest.raises(error):
            await client.start(intelligems_job())


async def test_a_refused_request_tells_the_vendors_own_words_by_field() -> None:
    body = {"errors": [], "properties": {"filters": {"errors": [], "properties": {"maxZScore": {"errors": ["no"]}}}}}
    async with OddServer(answer(400, body)) as server, intelligems(server.url) as client:
        with pytest.raises(RequestRefused, match=r"refused the request \(400\): filters\.maxZScore: no$"):
            await client.start(intelligems_job())


def test_complaints_of_every_depth_are_flattened_and_any_shape_is_read() -> None:
    tree: dict[str, Any] = {
        "errors": ["bad request"],
        "properties": {"startTs": {"errors": ["not ten digits", 7]}, "list": {"items": [None, {"errors": ["odd"]}]}},
    }
    assert list(complaints(tree)) == ["bad request", "startTs: not ten digits", "list.1: odd"]
    assert list(complaints({"error": "Not found"})) == ["Not found"]
    assert list(complaints({"errors": 5, "properties": [1]})) == []


@pytest.mark.parametrize(
    ("scripted", "error"),
    [
        (answer(404, {"error": "Experience not found"}), RequestRefused),
        (answer(422, {}), RequestRefused),
        (answer(400, b"<html>"), RequestRefused),
        (answer(408), VendorUnavailable),
        (answer(302, headers={"location": "/login"}), VendorUnavailable),
        (answer(204), AnswerLost),
        (answer(200, []), AnswerLost),
        (answer(200, {}), AnswerLost),
        (answer(200, {"url": 5}), AnswerLost),
        (answer(200, {"url": ""}), AnswerLost),
        (answer(200, {"url": "file:///etc/passwd"}), AnswerLost),
        (Scripted(), AnswerLost),
    ],
)
async def test_each_odd_answer_becomes_our_error(scripted: Scripted, error: type[ExportError]) -> None:
    async with OddServer(scripted) as server, intelligems(server.url) as client:
        with pytest.raises(error):
            await client.start(intelligems_job())


async def test_a_vendor_that_is_not_there_has_started_nothing() -> None:
    async with OddServer(answer()) as server:
        gone = server.url
    async with intelligems(gone) as client:
        with pytest.raises(VendorUnreachable):
            await client.start(intelligems_job())


@pytest.mark.parametrize("expires_in", [None, 0, -1, True, "900", float("nan"), float("inf"), 10**300])
async def test_a_link_with_an_odd_life_is_a_link_all_the_same(expires_in: object) -> None:
    async with OddServer(answer(200, {**LINK, "expiresIn": expires_in})) as server, intelligems(server.url) as client:
        assert (await client.start(intelligems_job())).built
        assert (await client.download_link(intelligems_job())).url == LINK["url"]


async def test_an_unexpected_message_without_a_link_waits_and_is_told() -> None:
    failed = {**NO_LINK, "message": "Export failed: Bearer planted"}
    async with OddServer(answer(200, failed)) as server, intelligems(server.url) as client:
        status = await client.report_status(intelligems_job())
    assert status == Pending(note="the vendor says: Export failed: Bearer [removed]")


@pytest.mark.parametrize(("remaining", "rest"), [("0", 2.0), ("1", None)])
async def test_a_good_answer_after_which_no_request_remains_asks_for_a_pause(
    remaining: str, rest: float | None
) -> None:
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "2000"}
    script = [answer(200, body, headers) for body in (NO_LINK, NO_LINK, LINK)]
    async with OddServer(*script) as server, intelligems(server.url) as client:
        assert await client.start(intelligems_job()) == Started(built=False, rest=rest)
        assert await client.report_status(intelligems_job()) == Pending(rest=rest)
        assert await client.report_status(intelligems_job()) == Finished(rest=rest)


async def test_a_client_that_is_prepared_has_sent_nothing() -> None:
    async with OddServer(answer(200, LINK)) as server, intelligems(server.url) as client:
        await client.prepare()
    assert not server.asked
