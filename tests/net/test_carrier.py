"""Promises of the carrier about connections that it uses again, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from landfall.net.carrier import Carrier
from tests.asynchronous import run

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n%s"


class Chatty:
    """Answers each request by its number; on `speak` it sends an answer that nobody asked for."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked = 0
        self.speak = asyncio.Event()
        self.spoke = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        first = self.connections == 1
        while await reader.readuntil(b"\r\n\r\n"):
            self.asked += 1
            writer.write(ANSWER % b"no%02d" % self.asked)
            await writer.drain()
            if first:
                await self.speak.wait()
                writer.write(ANSWER % b"evil")
                await writer.drain()
                self.spoke.set()
                first = False


@asynccontextmanager
async def chatty() -> AsyncIterator[tuple[Chatty, str]]:
    host = Chatty()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await host.serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield host, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def asked(carrier: Carrier, url: str) -> bytes:
    response = await carrier.handle_async_request(httpx.Request("GET", url))
    try:
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


async def read_by(carrier: Carrier) -> None:
    """Until the carrier's idle connection has read what came; before, the test would prove nothing."""
    connector = carrier._session.connector if carrier._session else None
    assert connector is not None
    async with asyncio.timeout(10):
        while not any(protocol.should_close for kept in connector._conns.values() for protocol, _ in kept):  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(0)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_that_of_the_next_request() -> None:
    async def scenario() -> None:
        async with chatty() as (host, url), Carrier() as carrier:
            assert await asked(carrier, url) == b"no01"
            host.speak.set()
            await host.spoke.wait()
            await read_by(carrier)
            assert await asked(carrier, url) == b"no02"
            assert host.connections == 2

    run(scenario())


def test_a_connection_whose_answer_was_read_to_its_end_is_used_again() -> None:
    async def scenario() -> None:
        async with chatty() as (host, url), Carrier() as carrier:
            host.speak.set()
            await asked(carrier, url)
            await host.spoke.wait()
            await asked(carrier, url)
            before = host.connections
            assert await asked(carrier, url) == b"no03"
            assert host.connections == before

    run(scenario())
