"""Brings a stored file over, goes on where a connection broke, and proves what came by its length and SHA-256."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from landfall_client.asking import Tries, export_path, failure_of
from landfall_client.effects import Flow, Give, Head, Open, Pause, Read, Request
from landfall_client.errors import (
    ApiError,
    FileDiffers,
    LandfallError,
    NoAnswer,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from landfall_client.facts import File
from landfall_client.links import behind, is_redirect, link_request
from landfall_client.place import Place, site_of

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/\d+")

Advance = Callable[[int], object]


class Sink(Protocol):
    """Takes the file's bytes; `held` of them came so far, with this SHA-256."""

    held: int

    @property
    def sha256(self) -> str:
        """The digest of what is held, in hexadecimal."""

    def take(self, piece: bytes) -> Flow[None]:
        """Append."""

    def restart(self) -> None:
        """Drop what is held: the file comes from its first byte on."""


class Passage:
    """A sink that hands every byte on, once."""

    def __init__(self) -> None:
        """Nothing went through yet."""
        self.held = 0
        self._given = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what went through."""
        return self._digest.hexdigest()

    def take(self, piece: bytes) -> Flow[None]:
        """Give what of it was not given yet."""
        begin, self.held = self.held, self.held + len(piece)
        fresh = piece[max(0, self._given - begin) :]
        self._digest.update(fresh)
        self._given += len(fresh)
        if fresh:
            yield from self.give(fresh)

    def give(self, piece: bytes) -> Flow[None]:
        """Give it as it is."""
        yield Give([piece])

    def restart(self) -> None:
        """Expect the same bytes again: what was given cannot be taken back."""
        self.held = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file of an export, and where to ask for it."""

    place: Place
    export_id: str
    file: File


class _BrokeOff(Exception):
    """The body ended early; what came of it is good."""


class _NoSuchRange(Exception):
    """The file has no bytes where the rest was asked for."""


def pieces(wanted: Wanted) -> Flow[None]:
    """Give the file's bytes as they come; raises as `bring` does, at the end where they were not what was stored."""
    yield from bring(wanted, Passage(), lambda _: None)


def bring(wanted: Wanted, sink: Sink, advance: Advance) -> Flow[None]:
    """Bring what the sink lacks of the file, and tell `advance` of further bytes (fewer than 0: of some given back).

    Raises Unreachable where connections brought nothing for too long, FileDiffers where what came is not what was
    stored, and what `ask` raises.
    """
    resumed = sink.held > 0
    yield from _complete(wanted, sink, advance)
    if resumed and sink.sha256 != wanted.file.sha256:
        # What was held may have been spoilt since.
        _restart(sink, advance)
        yield from _complete(wanted, sink, advance)
    if sink.sha256 != wanted.file.sha256:
        raise FileDiffers(
            f"what came of export {wanted.export_id} has another SHA-256 than what was stored; look at {wanted.file.uri}."
        )


def _complete(wanted: Wanted, sink: Sink, advance: Advance) -> Flow[None]:
    """Ask for the rest until it is there; patience begins anew with each connection that brought something."""
    if sink.held == wanted.file.bytes > 0:
        return
    tries, refused = Tries(wanted.place.patience), False
    while True:
        before = sink.held
        try:
            yield from _ask_for_rest(wanted, sink, advance)
        except (_BrokeOff, TooManyRequests, Unavailable, Unreachable) as error:
            if sink.held > before:
                tries = Tries(wanted.place.patience)
                continue
            pause = tries.pause()
            if pause is None:
                raise _told(error) from None
            yield Pause(pause)
        except _NoSuchRange as error:
            if refused:
                raise _told(error) from None
            refused = True
            _restart(sink, advance)
        else:
            return


def _ask_for_rest(wanted: Wanted, sink: Sink, advance: Advance) -> Flow[None]:
    start, size = sink.held, wanted.file.bytes
    begins, site = yield from _open(wanted, start)
    if begins != start:
        _restart(sink, advance)
    broken = _BrokeOff(f"the connection to {site} broke before the file was whole; try again.")
    while True:
        try:
            piece: bytes = yield Read()
        except NoAnswer:
            raise broken from None
        if not piece:
            break
        yield from sink.take(piece)
        advance(len(piece))
        if sink.held > size:
            return  # nor will it have the right checksum
    if sink.held < size:
        raise broken


def _open(wanted: Wanted, start: int) -> Flow[tuple[int, str]]:
    """Ask for the file from `start` on; return the byte that what comes begins with, and who sends it."""
    place, part = wanted.place, {"Range": f"bytes={start}-"} if start else {}
    whole = {"If-Range": f'"{wanted.file.sha256}"'} if start else {}
    headers = {"Accept": "text/csv, application/json", "Accept-Encoding": "identity"} | part | whole
    try:
        head: Head = yield Open(Request("GET", f"{export_path(wanted.export_id)}/file", headers))
    except NoAnswer as fault:
        raise place.unreachable(fault) from None
    source, hops = place.url, 0
    while is_redirect(head.status):
        hops += 1
        source = behind(source, head.headers.get("location", ""), hops)
        head = yield from _open_link(source, part)
    site = site_of(source)
    if head.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        return _first_byte(head, start, site), site
    if hops:
        # A link that has died is asked for anew by the next try.
        raise Unreachable(f"the store at {site} did not give the file (HTTP {head.status}); try again.")
    raise (yield from failure_of(place, head))


def _open_link(link: str, part: dict[str, str]) -> Flow[Head]:
    asked = link_request(link, part)
    try:
        head: Head = yield Open(asked)
    except NoAnswer:
        raise Unreachable(f"the store at {asked.site} does not answer; try again.") from None
    return head


def _first_byte(head: Head, start: int, site: str) -> int:
    if head.status == HTTPStatus.OK:
        return 0
    if head.status == HTTPStatus.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.fullmatch(head.headers.get("content-range", ""))
        if start and found and int(found[1]) == start:
            return start
        raise _NoSuchRange(f"{site} sent another part of the file than was asked for; try again.")
    raise _NoSuchRange(f"{site} has no such part of the file; try again.")


def _restart(sink: Sink, advance: Advance) -> None:
    advance(-sink.held)
    sink.restart()


def _told(error: Exception) -> LandfallError:
    return error if isinstance(error, Unreachable | ApiError) else Unreachable(str(error))
