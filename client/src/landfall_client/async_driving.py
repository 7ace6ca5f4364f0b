"""Carries out the client's procedures with await; what may block a disk is done in a thread."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import closing
from typing import Any, Protocol

from landfall_client.effects import Effect, Flow, Give, Head, Open, Pause, Read, Request, T, Work


class AsyncStream(Protocol):
    """An answer that was opened."""

    @property
    def head(self) -> Head:
        """What it begins with."""

    def read(self) -> Coroutine[Any, Any, bytes]:
        """The next bytes as they come, none at the end. Raises NoAnswer."""

    def close(self) -> Coroutine[Any, Any, None]:
        """Let go of it."""


class AsyncCarrier(Protocol):
    """Carries requests."""

    def open(self, request: Request) -> Coroutine[Any, Any, AsyncStream]:
        """Send and wait for the head of the answer. Raises NoAnswer."""


class AsyncDriver:
    """Carries out procedures over one carrier; it holds nothing between two of them."""

    def __init__(self, carrier: AsyncCarrier) -> None:
        """Send requests by the carrier."""
        self._carrier = carrier

    async def run(self, flow: Flow[T]) -> T:
        """Carry it out to its end and return its result."""
        results: list[T] = []
        async for _ in self._steps(flow, results):
            pass
        return results[0]

    async def iterate(self, flow: Flow[Any]) -> AsyncGenerator[Any]:
        """What the procedure gives, as it comes."""
        steps = self._steps(flow, [])
        try:
            async for item in steps:
                yield item
        finally:
            await steps.aclose()

    async def _steps(self, flow: Flow[T], results: list[T]) -> AsyncGenerator[Any]:
        came: Any = None
        failure: BaseException | None = None
        visit = _Visit(self._carrier)
        try:
            with closing(flow):
                while True:
                    try:
                        effect = flow.throw(failure) if failure else flow.send(came)
                    except StopIteration as end:
                        results.append(end.value)
                        return
                    came = failure = None
                    if isinstance(effect, Give):
                        for item in effect.items:
                            yield item
                        continue
                    try:
                        came = await visit.perform(effect)
                    except BaseException as error:  # noqa: BLE001 - it goes into the procedure, which lets go of what it holds
                        failure = error
        finally:
            await visit.close()


class _Visit:
    """The one answer that a procedure has open."""

    def __init__(self, carrier: AsyncCarrier) -> None:
        self._carrier = carrier
        self._stream: AsyncStream | None = None

    async def perform(self, effect: Effect) -> Any:  # noqa: ANN401 - each effect has a result of its own
        match effect:
            case Open(request):
                await self.close()
                return await _cancelled_once(self._open(request))
            case Read():
                return await self._read()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Work(do):
                return await _in_thread(do)
            case Give():
                raise AssertionError("what is given is handed on before this")
        return None

    async def _open(self, request: Request) -> Head:
        self._stream = await self._carrier.open(request)
        return self._stream.head

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream:
            # Cut off in the middle, it would keep its place in the pool for ever.
            await _to_its_end(asyncio.ensure_future(stream.close()))

    async def _read(self) -> bytes:
        piece = await _cancelled_once(self._stream.read()) if self._stream else b""
        if not piece:
            await self.close()
        return piece


async def _in_thread(do: Callable[[], T]) -> T:
    """Do it in a thread, to its end: the file that it writes to may be closed next."""
    return await _to_its_end(asyncio.get_running_loop().run_in_executor(None, do))


async def _to_its_end(work: asyncio.Future[T]) -> T:
    """Await it, however often the task is cancelled meanwhile."""
    if cancelled := await _ended(work):
        raise cancelled
    return work.result()


async def _cancelled_once(work: Coroutine[Any, Any, T]) -> T:
    """Await it in a task of its own: cancelled a second time it would not tidy up, and lose a place in the pool."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await _ended(task)
        raise


async def _ended(work: asyncio.Future[Any]) -> asyncio.CancelledError | None:
    """Wait for its end, whatever it is; return how this task was cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if not work.cancelled():
        work.exception()  # asked for, so that nobody complains that it was not
    return cancelled
