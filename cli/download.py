"""Downloads an export's file from any of its bytes on, from the API or from the object store that it points to."""

import contextlib
import http.client
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from cli.client import Api
from cli.failures import CommandError, UnreachableError

_PIECE_BYTES = 1 << 20
_HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/\d+")


class BrokeOffError(UnreachableError):
    """The body ended early; what came of it is good."""


class NoSuchRangeError(CommandError):
    """The file has no bytes where the rest was asked for."""


@dataclass(frozen=True, slots=True)
class Body:
    """The file from the byte `start` on."""

    start: int
    pieces: Generator[bytes]


@contextlib.contextmanager
def open_body(api: Api, path: str, *, start: int, etag: str) -> Iterator[Body]:
    """Ask for the file from `start` on; what comes may begin at 0 all the same.

    Raises UnreachableError, NoSuchRangeError or another CommandError; reading may raise BrokeOffError.
    """
    wanted = {"Range": f"bytes={start}-"} if start else {}
    with contextlib.ExitStack() as stack:
        headers = {"Accept": "text/csv, application/json"} | wanted | ({"If-Range": etag} if start else {})
        answer = stack.enter_context(api.exchange("GET", path, headers))
        source, hops = api.url, 0
        while answer.status in _REDIRECTS:
            hops += 1
            source = _next(source, answer.getheader("location") or "", hops)
            # The store knows the file by an ETag of its own, and none of our headers is its business.
            answer = stack.enter_context(_ask_store(source, wanted, api.timeout))
        yield _body(answer, start, api if not hops else None, _site(source))


def _next(source: str, location: str, hops: int) -> str:
    """Find where a redirect leads. No error may tell the address: its query is a key to the file."""
    with contextlib.suppress(ValueError):
        target = urljoin(source, location)
        parts = urlsplit(target)
        downgraded = urlsplit(source).scheme == "https" and parts.scheme != "https"
        if hops <= _HOPS and location and parts.hostname and parts.scheme in {"http", "https"} and not downgraded:
            return target
    raise CommandError(
        f"{_site(source)} redirects to where the command does not follow; check LANDFALL_STORAGE_URL of the API."
    )


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@contextlib.contextmanager
def _ask_store(url: str, headers: dict[str, str], timeout: float) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(
                contextlib.closing(kind(parts.hostname or "", parts.port, timeout=timeout))
            )
            connection.request("GET", target, headers=headers)
            answer = stack.enter_context(connection.getresponse())
        except (ValueError, http.client.InvalidURL):
            raise CommandError(f"the link to the file at {_site(url)} is no address; look at the API's log.") from None
        except (OSError, http.client.HTTPException):
            raise UnreachableError(f"the store at {_site(url)} does not answer; try again.") from None
        yield answer


def _body(answer: http.client.HTTPResponse, start: int, api: Api | None, site: str) -> Body:
    """Take a good answer; `api` is None where the object store gave it."""
    if answer.status == HTTPStatus.OK:
        return Body(0, _pieces(answer, site))
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.fullmatch(answer.getheader("content-range") or "")
        if start and found and int(found[1]) == start:
            return Body(start, _pieces(answer, site))
        raise NoSuchRangeError(f"{site} sent another part of the file than was asked for; try again.")
    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise NoSuchRangeError(f"{site} has no such part of the file; try again.")
    if api:
        raise api.failure(answer)
    raise CommandError(f"the store at {site} did not give the file (HTTP {answer.status}); try again.")


def _pieces(answer: http.client.HTTPResponse, site: str) -> Generator[bytes]:
    """Read as it comes, so that a break loses nothing."""
    left = answer.length  # counted here: read1 of early Python 3.11 releases leaves it as it is
    broken = BrokeOffError(f"the connection to {site} broke before the file was whole; try again.")
    while left is None or left > 0:
        try:
            piece = answer.read1(_PIECE_BYTES if left is None else min(left, _PIECE_BYTES))
        except (OSError, http.client.HTTPException):
            raise broken from None
        if not piece and left:
            raise broken
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece
