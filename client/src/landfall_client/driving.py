"""Carries out the client's procedures one step after another."""

import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

from landfall_client.effects import Carrier, Effect, Flow, Give, Open, Pause, Read, Stream, T, Work


class Driver:
    """Carries out procedures over one carrier; it holds nothing between two of them."""

    def __init__(self, carrier: Carrier) -> None:
        """Send requests by the carrier."""
        self._carrier = carrier

    def run(self, flow: Flow[T]) -> T:
        """Carry it out to its end and return its result."""
        steps = self._steps(flow)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result

    def iterate(self, flow: Flow[Any]) -> Generator[Any]:
        """What the procedure gives, as it comes."""
        yield from self._steps(flow)

    def _steps(self, flow: Flow[T]) -> Generator[Any, None, T]:
        came: Any = None
        failure: BaseException | None = None
        with closing(_Visit(self._carrier)) as visit, closing(flow):
            while True:
                try:
                    effect = flow.throw(failure) if failure else flow.send(came)
                except StopIteration as end:
                    result: T = end.value
                    return result
                came = failure = None
                if isinstance(effect, Give):
                    yield from effect.items
                    continue
                try:
                    came = visit.perform(effect)
                except BaseException as error:  # noqa: BLE001 - it goes into the procedure, which lets go of what it holds
                    failure = error


class _Visit:
    """The one answer that a procedure has open."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._stream: Stream | None = None

    def perform(self, effect: Effect) -> Any:  # noqa: ANN401 - each effect has a result of its own
        match effect:
            case Open(request):
                self.close()
                self._stream = self._carrier.open(request)
                return self._stream.head
            case Read():
                return self._read()
            case Pause(seconds):
                time.sleep(seconds)
            case Work(do):
                return do()
            case Give():
                raise AssertionError("what is given is handed on before this")
        return None

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream:
            stream.close()

    def _read(self) -> bytes:
        piece = self._stream.read() if self._stream else b""
        if not piece:
            self.close()
        return piece
