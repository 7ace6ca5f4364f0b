"""Has landfall_client ask the HTTP API, and turns what it fails with into failures of the command."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from cli.carrying import PlainCarrier
from cli.failures import CommandError, RefusedError, UnreachableError, WrongInputError
from landfall_client import errors
from landfall_client.asking import Answer as Reply
from landfall_client.asking import ask, request
from landfall_client.driving import Driver
from landfall_client.effects import Flow, Head, Request, T
from landfall_client.place import Place, checked_url

_TIMEOUT_SECONDS = 30.0
_AWAY_SECONDS = 60.0
_WRONG_INPUT = frozenset({400, 404, 409, 422})

Query = Mapping[str, str | int | list[str] | None]


class Api:
    """The HTTP API under one address."""

    def __init__(self, url: str, *, key: str = "", timeout: float = _TIMEOUT_SECONDS) -> None:
        """Take the address `http(s)://host[:port][/path]`, the API key, and `timeout` in seconds for each wait.

        Raises WrongInputError for any other address.
        """
        with as_failures():
            checked = checked_url(url)
        self.place = Place(
            checked,
            key,
            timeout,
            patience=0.0,  # whoever has typed the command sees what is wrong, and says when to try again
            patience_waiting=_AWAY_SECONDS,
            naming_url="--url",
            naming_key="run this in the folder of `landfall up`, name the file that holds the key with --key-file, "
            "or set LANDFALL_API_KEY",
        )
        self._carrier = PlainCarrier(self.place)
        self.driver = Driver(self._carrier)

    @property
    def url(self) -> str:
        """The address."""
        return self.place.url

    @property
    def timeout(self) -> float:
        """How many seconds each wait may take."""
        return self.place.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self.place = replace(self.place, timeout=seconds)
        self._carrier.timeout = seconds

    def get(self, path: str, query: Query | None = None) -> Reply:
        """GET and read the whole answer. Raises UnreachableError, RefusedError or CommandError."""
        return self.run(ask(self.place, request("GET", path, query)))

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """POST JSON and read the whole answer. Raises as `get` does."""
        return self.run(ask(self.place, request("POST", path, body=body, headers=headers, repeatable=False)))

    def patch(self, path: str, body: Mapping[str, Any]) -> Reply:
        """PATCH JSON and read the whole answer. Raises as `get` does."""
        return self.run(ask(self.place, request("PATCH", path, body=body)))

    def delete(self, path: str) -> Reply:
        """DELETE and read the whole answer. Raises as `get` does."""
        return self.run(ask(self.place, request("DELETE", path)))

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return self.get("/readyz").status == HTTPStatus.OK
        except CommandError:
            return False

    def run(self, flow: Flow[T]) -> T:
        """Carry out one of landfall_client's procedures. Raises CommandError."""
        with as_failures():
            return self.driver.run(flow)

    def iterate(self, flow: Flow[Any]) -> Iterator[Any]:
        """What such a procedure gives. Raises CommandError."""
        with as_failures():
            yield from self.driver.iterate(flow)

    @contextlib.contextmanager
    def exchange(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Head]:
        """Send, and give what the answer begins with, whatever its status. Raises UnreachableError."""
        try:
            stream = self._carrier.open(Request(method, path, headers))
        except errors.NoAnswer as fault:
            raise UnreachableError(str(self.place.unreachable(fault))) from None
        with contextlib.closing(stream):
            yield stream.head


@contextlib.contextmanager
def as_failures() -> Iterator[None]:
    """Raise what landfall_client fails with in this block as the failure that it is to whoever typed the command."""
    try:
        yield
    except errors.ApiError as error:
        raise _refused(error) from None
    except errors.WrongSettings as error:
        raise WrongInputError(str(error)) from None
    except errors.Unreachable as error:
        raise UnreachableError(str(error)) from None
    except errors.LandfallError as error:
        raise CommandError(str(error)) from None


def _refused(error: errors.ApiError) -> CommandError:
    if error.status not in _WRONG_INPUT:
        return CommandError(str(error))
    lines = [_field_line(each) for each in error.errors]
    return RefusedError("\n".join(lines)) if lines else WrongInputError(str(error))


def _field_line(error: Mapping[str, Any]) -> str:
    pointer = str(error.get("pointer") or error.get("parameter") or "").lstrip("#/")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    field = ".".join(steps[1:] if steps[:1] == ["request"] else steps)
    return f"{field}: {error.get('detail', '')}" if field else str(error.get("detail", ""))


__all__ = ["Api", "Query", "Reply", "as_failures"]
