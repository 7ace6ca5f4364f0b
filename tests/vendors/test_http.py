"""Promises of the one place that speaks HTTP to vendors."""

import gzip
import socket

import pytest

from landfall.exports.errors import AnswerLost, VendorUnreachable
from landfall.vendors.http import MAX_ANSWER_BYTES, Answer, VendorHttp
from tests.vendors.odd_server import OddServer, Scripted, answer


async def post(server: OddServer, *, timeout: float = 10.0) -> Answer:  # noqa: ASYNC109 - the setting under test
    http = VendorHttp(timeout=timeout)
    try:
        return await http.post(f"{server.url}/export", json={"a": 1})
    finally:
        await http.aclose()


def packed(content: bytes) -> Scripted:
    return answer(body=content, headers={"content-encoding": "gzip"})


async def test_a_whole_answer_comes_back_with_lower_case_header_names() -> None:
    async with OddServer(answer(body={"ok": True}, headers={"X-RateLimit-Reset": "7"})) as server:
        got = await post(server)
    assert (got.status, got.json_object, got.headers["x-ratelimit-reset"]) == (200, {"ok": True}, "7")
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = VendorHttp(timeout=10)
    with pytest.raises(VendorUnreachable, match=r"127\.0\.0\.1 cannot be reached"):
        await http.post(f"http://127.0.0.1:{port}/export")
    await http.aclose()


@pytest.mark.parametrize("url", ["http://[::1", "ftp://127.0.0.1/x"])
async def test_an_address_that_is_none_is_unreachable(url: str) -> None:
    http = VendorHttp(timeout=10)
    with pytest.raises(VendorUnreachable):
        await http.post(url)
    await http.aclose()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
BOMB = gzip.compress(b" " * (MAX_ANSWER_BYTES * 16))


@pytest.mark.parametrize(
    "scripted",
    [
        pytest.param(Scripted(), id="closed without an answer"),
        pytest.param(Scripted(HEAD + b'{"a"'), id="cut before its length"),
        pytest.param(Scripted(b"SMTP ready\r\n\r\n"), id="not HTTP"),
        pytest.param(answer(body=b" " * (MAX_ANSWER_BYTES + 1)), id="too large"),
        pytest.param(packed(gzip.compress(b'{"a": 1}')[:-9]), id="gzip cut"),
        pytest.param(packed(BOMB), id="gzip bomb"),
        pytest.param(packed(b"not gzip"), id="gzip that is none"),
        pytest.param(answer(body=b"x", headers={"content-encoding": "br"}), id="unasked encoding"),
    ],
)
async def test_an_answer_that_is_not_whole_is_lost(scripted: Scripted) -> None:
    async with OddServer(scripted) as server:
        with pytest.raises(AnswerLost):
            await post(server)


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b'{"a": '])
async def test_an_answer_that_stalls_is_lost_when_the_time_is_up(said: bytes) -> None:
    async with OddServer(Scripted(said, stall=True)) as server:
        with pytest.raises(AnswerLost, match="did not answer in time"):
            await post(server, timeout=0.2)


async def test_a_gateway_that_compresses_unasked_is_understood() -> None:
    async with OddServer(packed(gzip.compress(b'{"ok": true}'))) as server:
        assert (await post(server)).json_object == {"ok": True}


async def test_a_redirect_is_not_followed() -> None:
    async with OddServer(answer(307, headers={"location": "http://169.254.169.254/"})) as server:
        assert (await post(server)).status == 307
    assert len(server.asked) == 1


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with OddServer(answer(body={})) as server:
        assert (await post(server)).status == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"a"', b"\xff", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_is_no_json_object_reads_as_none(body: bytes) -> None:
    assert Answer(200, {}, body).json_object is None
