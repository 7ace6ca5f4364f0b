"""Makes of an API's good answer the ones that broken gateways and servers send in its place."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, repeat
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.connections import cut, transport_of

_PIECE = b" " * (1 << 20)
_HUGE_PIECES = 50
_NESTED = 100_000


class BrokenReply:
    """Sends 200 and JSON piece by piece; where `length` is more than they are, a reset follows them."""

    status_code: int | None = 200

    def __init__(self, pieces: Iterable[bytes], length: int | None = None) -> None:
        """Prepare the answer; without a `length` it goes out in chunks."""
        self._pieces, self._length = pieces, length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as far as the client reads it."""
        headers = [(b"content-type", b"application/json")]
        if self._length is not None:
            headers.append((b"content-length", str(self._length).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if transport_of(scope).is_closing():
                await cut(scope, receive, reset=False)
                return
        if self._length is not None:
            await cut(scope, receive, reset=True)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


Reply = Response | BrokenReply


def _without_fields(good: bytes) -> Reply:
    """Null in place of each thing that was asked for."""
    told: dict[str, Any] = json.loads(good)
    data = told.get("data")
    return JSONResponse({"data": dict.fromkeys(data)} if isinstance(data, dict) else dict.fromkeys(told))


def _json(content: bytes) -> Reply:
    return Response(content, media_type="application/json")


ODD_REPLIES: Mapping[str, Callable[[bytes], Reply]] = {
    "data_null": lambda _: JSONResponse({"data": None}),
    "fields_null": _without_fields,
    "list": lambda good: _json(b"[" + good + b"]"),
    "truncated": lambda good: _json(good[: len(good) // 2]),
    "empty": lambda _: _json(b""),
    "page": lambda _: Response("<!doctype html><title>Bad gateway</title>", media_type="text/html"),
    "nested": lambda _: _json(b'{"data":' + b"[" * _NESTED),
    "huge": lambda good: BrokenReply(chain(repeat(_PIECE, _HUGE_PIECES), [good])),
    "cut": lambda good: BrokenReply([good[: len(good) // 2]], len(good)),
}
