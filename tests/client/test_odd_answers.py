"""Promises of the client towards servers that hang, redirect, are not trusted or are asked from two processes."""

import asyncio
import http.server
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.client import Api
from cli.failures import UnreachableError
from landfall_client import Landfall, LandfallError, NotLandfall, TooManyRequests, Unreachable, WaitTimeout
from landfall_client.async_driving import _in_thread
from tests.asynchronous import run
from tests.client.asked import events, orders
from tests.services.proxy import Answer, Blackhole, Proxy, running_proxy
from tests.services.tls_front import NoCertificateError, make_certificate
from tests.stack import Stack

TWO_PROCESSES = """
import os, sys
from landfall_client import Landfall

with Landfall(sys.argv[1], "") as client:
    client.accounts()
    child = os.fork()
    client.accounts()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0)
"""


@pytest.fixture
def proxy(house: Stack) -> Iterator[Proxy]:
    with running_proxy(house.port) as proxy:
        yield proxy


class NoAccounts(http.server.BaseHTTPRequestHandler):
    """Answers that there is no account, or what it is told to, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    heard: list[tuple[str, int]]
    told: str

    def do_GET(self) -> None:
        self.heard.append(self.client_address)
        self.send_response(200)
        self.send_header("content-length", str(len(self.told)))
        self.end_headers()
        self.wfile.write(self.told.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def no_accounts(
    certificate: Path | None = None, told: str = '{"items":[]}'
) -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """Serve on a port; who asked is told, by the connection."""
    heard: list[tuple[str, int]] = []
    handler = type("Handler", (NoAccounts,), {"heard": heard, "told": told})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_redirect_of_the_api_names_the_address_to_be_given(proxy: Proxy) -> None:
    proxy.fail("GET", "/v1/accounts", Answer(308, headers="Location: https://landfall.example/v1/accounts?a=b\r\n"))
    told = r"redirects to https://landfall\.example; name that address with url="
    with Landfall(proxy.endpoint, "") as client, pytest.raises(NotLandfall, match=told):
        client.accounts()


def test_a_pause_that_is_asked_for_as_a_date_is_kept(proxy: Proxy) -> None:
    dates = "Date: Fri, 01 Jan 2027 00:00:00 GMT\r\nRetry-After: Fri, 01 Jan 2027 01:00:00 GMT\r\n"
    proxy.fail("GET", "/v1/accounts", Answer(429, headers=dates))
    with Landfall(proxy.endpoint, "", patience=3) as client, pytest.raises((TooManyRequests, NotLandfall)):
        client.accounts()
    assert len(proxy.seen) == 1  # an hour is longer than there is patience


def test_a_certificate_that_is_not_trusted_is_said_at_once(tmp_path: Path) -> None:
    try:
        certificate = make_certificate(tmp_path / "tls")
    except NoCertificateError as reason:
        pytest.skip(str(reason))
    with no_accounts(certificate) as (port, _):
        url, told = f"https://localhost:{port}", "is not trusted; name that of who has signed it in SSL_CERT_FILE"
        with Landfall(url, "", patience=600) as client, pytest.raises(Unreachable, match=told):
            client.accounts()
        with pytest.raises(UnreachableError, match=told):
            Api(url).get("/v1/accounts")


@pytest.mark.parametrize("told", ["<html>", "{}", "[]", "null", "[1]", '"hello"'])
def test_who_answers_something_else_is_not_landfall(told: str) -> None:
    with (
        no_accounts(told=told) as (port, _),
        Landfall(f"http://127.0.0.1:{port}", "") as client,
        pytest.raises(NotLandfall, match="is not Landfall; name the right address"),
    ):
        client.accounts()


def test_no_path_leads_a_call_to_another_host() -> None:
    with Landfall("http://127.0.0.1:9", "lf_key") as client, pytest.raises(ValueError, match="begin with a slash"):
        client.call("GET", "@other.example/v1/accounts")


def test_a_wait_ends_in_time_though_the_api_hangs(house: Stack, proxy: Proxy) -> None:
    with Landfall(proxy.endpoint, house.key, timeout=600) as client:
        export = client.submit("shop-bwp", events())
        proxy.fail("GET", export.id, Blackhole())
        with pytest.raises(WaitTimeout):
            export.wait(timeout=0.2)


def test_a_single_state_may_be_given_as_it_is(proxy: Proxy) -> None:
    proxy.fail("GET", "/v1/events", Answer(400))
    with Landfall(proxy.endpoint, "") as client, pytest.raises(LandfallError):
        next(iter(client.events(states="stored")))
    assert proxy.seen == ["GET /v1/events?state=stored"]


def test_two_of_a_crowd_are_awaited_without_listing_all_of_it(house: Stack, proxy: Proxy) -> None:
    with Landfall(proxy.endpoint, house.key) as client:
        client.pause("shop-ab")
        crowd = [{"account": "shop-ab", "request": orders()} for _ in range(900)]
        batch = client.submit_many(crowd, labels={"crowd": "1"})
        exports = list(batch.exports())
        proxy.seen.clear()
        with pytest.raises(WaitTimeout):
            client.wait_all([exports[0], exports[-1]], timeout=0)
        assert sum("/v1/exports?" in line for line in proxy.seen) == 2
        client.call("POST", f"/v1/batches/{batch.id}/cancel", body={})
        client.resume("shop-ab")


def test_a_process_that_was_forked_off_asks_over_a_connection_of_its_own() -> None:
    with no_accounts() as (port, heard):
        subprocess.run([sys.executable, "-c", TWO_PROCESSES, f"http://127.0.0.1:{port}"], check=True)
    assert len(heard) == 3
    assert len(set(heard)) == 2


def test_work_in_a_thread_is_awaited_however_often_its_task_is_cancelled() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()
        ended.set()
        raise OSError("nobody is left to be told")

    async def go() -> None:
        task = asyncio.create_task(_in_thread(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            task.cancel()
            await asyncio.wait([task], timeout=0.01)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    run(go())
