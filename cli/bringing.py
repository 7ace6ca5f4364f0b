"""Brings a stored file over, goes on where a connection broke, and proves what came by its SHA-256."""

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

from cli.client import Api
from cli.download import BrokeOffError, NoSuchRangeError, open_body
from cli.failures import CommandError
from cli.progress import bytes_progress


class Sink(Protocol):
    """Takes the file's bytes; `held` of them came so far, with this SHA-256."""

    held: int

    @property
    def sha256(self) -> str:
        """The digest of what is held, in hexadecimal."""

    def write(self, piece: bytes) -> None:
        """Append."""

    def restart(self) -> None:
        """Drop what is held."""


class WrongContentError(CommandError):
    """What came is not what was stored."""


class Stream:
    """A sink that hands every byte on and can take none back."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to the file."""
        self.held = 0
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what went through."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Hand on."""
        self._file.write(piece)
        self._digest.update(piece)
        self.held += len(piece)

    def restart(self) -> None:
        """Raise CommandError."""
        raise CommandError("the connection broke and the file could not be resumed; try again with --output PATH.")


def bring(api: Api, export: dict[str, Any], sink: Sink) -> None:
    """Bring what the sink lacks of the export's file.

    Raises UnreachableError where a connection brought nothing, WrongContentError where what came is not what was stored.
    """
    found, resumed = export["file"], sink.held > 0
    with bytes_progress(found["bytes"], sink.held) as advance:
        _complete(api, export, sink, advance)
        if resumed and sink.sha256 != found["sha256"]:
            # What was held may have been spoilt since.
            _restart(sink, advance)
            _complete(api, export, sink, advance)
    if sink.sha256 != found["sha256"]:
        raise WrongContentError(
            f"what came of export {export['id']} has another SHA-256 than what was stored; look at {found['uri']}."
        )


def _complete(api: Api, export: dict[str, Any], sink: Sink, advance: Callable[[int], None]) -> None:
    """Ask for the rest until it is there; each further request needs that the one before brought something."""
    if sink.held == export["file"]["bytes"] > 0:
        return
    refused = False
    while True:
        before = sink.held
        try:
            _ask_for_rest(api, export, sink, advance)
        except BrokeOffError:
            if sink.held <= before:
                raise
        except NoSuchRangeError:
            if refused:
                raise
            refused = True
            _restart(sink, advance)
        else:
            return


def _ask_for_rest(api: Api, export: dict[str, Any], sink: Sink, advance: Callable[[int], None]) -> None:
    found, path = export["file"], f"/v1/exports/{quote(export['id'], safe='')}/file"
    with open_body(api, path, start=sink.held, etag=f'"{found["sha256"]}"') as body:
        if body.start != sink.held:
            _restart(sink, advance)
        with contextlib.closing(body.pieces) as pieces:
            for piece in pieces:
                sink.write(piece)
                advance(len(piece))
                if sink.held > found["bytes"]:
                    return  # nor will it have the right checksum


def _restart(sink: Sink, advance: Callable[[int], None]) -> None:
    advance(-sink.held)
    sink.restart()
