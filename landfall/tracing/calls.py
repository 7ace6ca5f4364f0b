"""Tells requests to others as spans: method, host and status, never a header or the query of an address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from landfall.tracing import spans
from landfall.tracing.spans import Kind, Span

_FAILS_FROM = 400


class Address(Protocol):
    """What is told of an address, as httpx.URL has it."""

    @property
    def scheme(self) -> str:
        """The scheme."""

    @property
    def raw_host(self) -> bytes:
        """The host as it is sent."""

    @property
    def port(self) -> int | None:
        """The port, None for the scheme's own."""

    @property
    def path(self) -> str:
        """The path without the query."""


@contextmanager
def calling(method: str, url: Address, operation: str, *, path: bool) -> Iterator[Span]:
    """The span of a request; `operation` is its name at the other side.

    Without `path` that is left out: who gives signed links may have put the signature there.
    """
    # Nothing is taken apart where nobody looks.
    if spans.current().place is None or spans.recorder() is None:
        yield Span()
        return
    told = {
        "http.request.method": method,
        "server.address": url.raw_host.decode("ascii"),
        "server.port": url.port or {"https": 443, "http": 80}.get(url.scheme),
        "url.scheme": url.scheme,
        "url.path": url.path if path else None,
        "landfall.operation": operation,
    }
    with spans.span(f"{method} {operation}", Kind.CLIENT, told) as span:
        yield span


def answered(span: Span, status: int) -> None:
    """Tell the status that came back."""
    span.tell({"http.response.status_code": status})
    if status >= _FAILS_FROM:
        span.fail(str(status))
