"""Promises that no secret leaves through an error, a note, a repr or the log."""

import logging
import traceback

import pytest

from landfall.exports.errors import ExportError
from tests.exports.jobs import make_job
from tests.vendors.accounts import buy_with_prime, intelligems, intelligems_job
from tests.vendors.odd_server import OddServer, Scripted, answer

ACCESS_TOKEN = "planted-access/token+1"
CLIENT_SECRET = "planted-client/secret+2"
BEARER = "planted-bearer-3"
SIGNATURE = "planted-signature-4"
PLANTED = (ACCESS_TOKEN, CLIENT_SECRET, BEARER, SIGNATURE)

TOKEN = answer(body={"access_token": BEARER, "expires_in": 900})
SIGNED = f"https://b.example/f.csv?X-Amz-Signature={SIGNATURE}"
# Each vendor says back what it was given, and what nobody gave it.
GEMS_ECHO = f"you sent {ACCESS_TOKEN}; Bearer {BEARER}; {SIGNED}"
PRIME_ECHO = f"you sent {CLIENT_SECRET} and {BEARER}; Bearer {BEARER}; {SIGNED}"


def graphql_error(kind: str) -> Scripted:
    shown = {"type": kind, "code": PRIME_ECHO, "details": {"message": f"{PRIME_ECHO} again"}}
    return answer(body={"errors": [{"message": PRIME_ECHO, "extensions": {"classification": shown}}], "data": None})


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def assert_nothing_planted(text: str) -> None:
    assert not [secret for secret in PLANTED if secret in text], text


def everything_told(error: ExportError) -> str:
    return f"{error!r} {error} {error.fault} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize(
    "scripted",
    [
        answer(400, {"errors": [GEMS_ECHO], "properties": {"startTs": {"errors": [GEMS_ECHO]}}}),
        answer(401, {"error": GEMS_ECHO}),
        answer(404, {"error": GEMS_ECHO}),
        answer(429, {"message": GEMS_ECHO}),
        answer(500, {"message": GEMS_ECHO}),
        answer(302, headers={"location": SIGNED}),
        answer(200, {"url": None, "message": GEMS_ECHO}),
        answer(200, {"url": [SIGNED], "message": GEMS_ECHO}),
        answer(200, GEMS_ECHO.encode()),
        Scripted(GEMS_ECHO.encode()),
        Scripted(),
    ],
)
async def test_intelligems_tells_no_secret(everything_logged: pytest.LogCaptureFixture, scripted: Scripted) -> None:
    async with OddServer(scripted) as server, intelligems(server.url, token=ACCESS_TOKEN) as client:
        with pytest.raises(ExportError) as raised:
            await client.download_link(intelligems_job())
    assert_nothing_planted(everything_told(raised.value) + everything_logged.text)


@pytest.mark.parametrize(
    "scripted",
    [
        *(graphql_error(kind) for kind in ("AccessDeniedError", "ThrottlingError", "ValidationError", "OddError")),
        graphql_error("ResourceNotFoundError"),
        graphql_error("InternalServerError"),
        answer(401, {"error": PRIME_ECHO}),
        answer(400, {"error": PRIME_ECHO, "message": PRIME_ECHO}),
        answer(200, PRIME_ECHO.encode()),
        answer(200, {"data": {"reportTask": {"status": 7}}, "note": PRIME_ECHO}),
        Scripted(),
    ],
)
async def test_buy_with_prime_tells_no_secret(everything_logged: pytest.LogCaptureFixture, scripted: Scripted) -> None:
    async with (
        OddServer(token=[TOKEN], graphql=[scripted]) as server,
        buy_with_prime(server.url, secret=CLIENT_SECRET) as client,
    ):
        with pytest.raises(ExportError) as raised:
            await client.report_status(make_job(report_id="USER_EVENTS:1"))
    assert_nothing_planted(everything_told(raised.value) + everything_logged.text)


@pytest.mark.parametrize(
    "scripted",
    [
        answer(400, {"error": "invalid_request", "error_description": f"you sent {CLIENT_SECRET}"}),
        answer(401, {"error": PRIME_ECHO}),
        Scripted(),
    ],
)
async def test_the_token_endpoint_tells_no_secret(
    everything_logged: pytest.LogCaptureFixture, scripted: Scripted
) -> None:
    async with OddServer(token=[scripted]) as server, buy_with_prime(server.url, secret=CLIENT_SECRET) as client:
        with pytest.raises(ExportError) as raised:
            await client.start(make_job())
    assert_nothing_planted(everything_told(raised.value) + everything_logged.text)


async def test_links_and_notes_tell_no_secret(everything_logged: pytest.LogCaptureFixture) -> None:
    ready = answer(200, {"url": SIGNED, "expiresIn": 900, "message": GEMS_ECHO})
    async with OddServer(ready) as server, intelligems(server.url, token=ACCESS_TOKEN) as client:
        started = await client.start(intelligems_job())
        link = await client.download_link(intelligems_job())
        assert_nothing_planted(f"{started!r} {link!r} {client!r} {vars(client)!r}")
    odd = answer(body={"data": {"reportTask": {"status": PRIME_ECHO}}})
    async with (
        OddServer(token=[TOKEN], graphql=[odd]) as server,
        buy_with_prime(server.url, secret=CLIENT_SECRET) as prime,
    ):
        status = await prime.report_status(make_job(report_id="USER_EVENTS:1"))
        assert_nothing_planted(f"{status!r} {prime!r} {vars(prime)!r}")
    assert_nothing_planted(everything_logged.text)
