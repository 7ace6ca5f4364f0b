"""Reads a body in chunks of about 1 MiB, and hands one over while the next is read."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

import httpx

from landfall.exports.errors import TransferBroken
from worker.transfer.checksums import Proof
from worker.transfer.decoding import Decoder
from worker.transfer.patience import BrokeOff, Pace

_CHUNK_BYTES = 1 << 20


async def chunks(
    response: httpx.Response, pace: Pace, decoder: Decoder | None, proof: Proof | None
) -> AsyncGenerator[bytes, None]:
    """The unpacked body. What came before a break is given before BrokeOff is raised.

    Raises TransferBroken where the body came to its end but is not what it should be.
    """
    gathered: list[bytes] = []
    size = 0
    broken = None
    try:
        async with (
            aclosing(_measured(response, pace)) as measured,
            aclosing(_unpacked(measured, decoder, proof)) as pieces,
        ):
            async for piece in pieces:
                gathered.append(piece)
                size += len(piece)
                if size >= _CHUNK_BYTES:
                    yield b"".join(gathered)
                    gathered.clear()
                    size = 0
    except BrokeOff as error:
        broken = error
    if gathered:
        yield b"".join(gathered)
    if broken is not None:
        raise broken


async def hand_over(
    stream: AsyncIterator[bytes], check: Callable[[bytes], None], keep: Callable[[bytes], Coroutine[Any, Any, None]]
) -> None:
    """Check each chunk and keep it while the next one is read. Ends only after the last `keep` has ended."""
    keeping: asyncio.Task[None] | None = None
    try:
        async for chunk in stream:
            check(chunk)
            if keeping is not None:
                before, keeping = keeping, None
                await _ended(before)
            keeping = asyncio.create_task(keep(chunk))
    except asyncio.CancelledError:
        if keeping is not None:
            before, keeping = keeping, None
            with suppress(Exception):
                await _ended(before)
        raise
    finally:
        if keeping is not None:
            await _ended(keeping)


async def _ended(keeping: asyncio.Task[None]) -> None:
    """Wait for it although we are cancelled: what is half written cannot be told from what is held."""
    cancelled = None
    while not keeping.done():
        try:
            await asyncio.shield(keeping)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001 - its result is raised below
            break
    if cancelled is not None:
        keeping.exception()
        raise cancelled
    keeping.result()


async def _measured(response: httpx.Response, pace: Pace) -> AsyncGenerator[bytes, None]:
    """The body as it travels, timed. Raises BrokeOff, TransferBroken where there was more than announced."""
    clock = asyncio.get_running_loop().time
    stream = response.aiter_raw()
    while True:
        began = clock()
        try:
            piece = await anext(stream)
        except StopAsyncIteration:
            return
        except httpx.ReadTimeout:
            raise BrokeOff("the download host fell silent") from None
        except httpx.RemoteProtocolError:
            raise TransferBroken("the download host sent more than the length that it announced") from None
        except httpx.HTTPError as error:
            raise BrokeOff(f"the download broke off ({type(error).__name__})") from None
        pace.note(len(piece), clock() - began)
        yield piece


async def _unpacked(
    pieces: AsyncIterator[bytes], decoder: Decoder | None, proof: Proof | None
) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        if proof is not None:
            proof.update(piece)
        if decoder is None:
            yield piece
            continue
        plains = decoder.decode(piece)
        while plain := await asyncio.to_thread(next, plains, b""):
            yield plain
    if proof is not None:
        proof.check()
    if decoder is not None:
        decoder.finish()
