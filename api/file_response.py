"""Answers with a local file, whole or in part, as RFC 9110 has it."""

import os
import re
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from api.problems import ProblemError

_NO_SUCH_RANGE = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
_ONE_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{0,18})|-[0-9]{1,18})")


class StoredFile(FileResponse):
    """A file under a strong ETag.

    Starlette cuts out ranges and compares If-Range. It refuses with 400 what RFC 9110 (14.2) wants ignored: an unknown
    unit, a malformed range, a range of a HEAD. Several ranges in one request are ignored too, which it allows.
    """

    chunk_size = 1 << 20  # each chunk is a trip to a thread

    def __init__(
        self, path: Path, stat: os.stat_result, *, headers: dict[str, str], media_type: str, filename: str
    ) -> None:
        """Answer with the file that was found as `stat`; `headers` holds its ETag."""
        super().__init__(path, headers=headers, media_type=media_type, filename=filename, stat_result=stat)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is asked for."""
        if not asks_for_a_range(scope["method"], Headers(scope=scope)):
            plain = MutableHeaders(raw=list(scope["headers"]))
            del plain["range"]
            scope = {**scope, "headers": plain.raw}
        await super().__call__(scope, receive, _refusing(send))


def _refusing(send: Send) -> Send:
    """Have a range that the file does not have answered as a problem; Starlette would answer in plain text."""

    async def refuse_or_send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == _NO_SUCH_RANGE:
            size = MutableHeaders(scope=message)["content-range"]
            detail = f"the file has {size.rpartition('/')[2]} bytes, and none where the range begins"
            raise ProblemError(_NO_SUCH_RANGE, detail, headers={"content-range": size})
        await send(message)

    return refuse_or_send


def asks_for_a_range(method: str, headers: Headers) -> bool:
    """Whether one well-formed range of bytes is asked for."""
    asked = headers.getlist("range")
    found = _ONE_RANGE.fullmatch(asked[0].strip().lower()) if method == "GET" and len(asked) == 1 else None
    return found is not None and not (found["last"] and int(found["last"]) < int(found["first"]))


def is_held_already(headers: Headers, etag: str) -> bool:
    """Whether If-None-Match names the ETag, compared weakly (RFC 9110, 13.1.2)."""
    named = [tag.strip().removeprefix("W/") for value in headers.getlist("if-none-match") for tag in value.split(",")]
    return etag in named or "*" in named
