"""Turns the faults that every call can meet into answers, good and bad."""

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.client import responses
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.addresses import base_url_for
from sandbox.connections import cut, disconnected_within
from sandbox.faults import Fault
from sandbox.odd_replies import ODD_REPLIES
from sandbox.visit import Visit
from sandbox.world import World


class Answer(Protocol):
    """What an endpoint gives back; its status is None where the client gets no answer."""

    @property
    def status_code(self) -> int | None:
        """The HTTP status."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""


Act = Callable[[Fault | None], Awaitable[Answer]]
Endpoint = Callable[[Request, World, Visit], Awaitable[Answer]]


class LostAnswer:
    """Closes the connection where the answer should have come."""

    status_code: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""
        del send
        await cut(scope, receive, reset=False)


class WitnessedAnswer:
    """Sends an answer and then has the witness note it."""

    def __init__(self, answer: Answer, visit: Visit, world: World) -> None:
        """Wrap ``answer``."""
        self._answer, self._visit, self._world = answer, visit, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await self._answer(scope, receive, send)
        finally:
            self._world.witness.note(self._visit, self._answer.status_code)


def witnessed(vendor: str | None, endpoint: Endpoint) -> Callable[[Request], Awaitable[WitnessedAnswer]]:
    """Make a route of ``endpoint`` whose requests are counted and noted."""

    async def route(request: Request) -> WitnessedAnswer:
        world: World = request.app.state.world
        world.witness.counts["requests"] += 1
        visit = Visit(vendor or "", base_url_for(request))
        answer = await endpoint(request, world, visit)
        return WitnessedAnswer(answer, visit, world)

    return route


def s3_error(status: int, code: str, message: str) -> Response:
    """Return an error in S3's XML."""
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(xml, status, media_type="application/xml")


def plain_error(status: int) -> Response:
    """Return an error that says no more than its status."""
    return JSONResponse({"error": responses.get(status, "Error")}, status)


def rate_limited(seconds: float, *, retry_after_header: bool) -> Response:
    """Return a 429 that asks for ``seconds`` of patience."""
    headers = {"Retry-After": str(math.ceil(seconds))} if retry_after_header else {}
    return JSONResponse({"error": "Too Many Requests", "retryAfter": seconds}, 429, headers)


def _refusal(fault: Fault, visit: Visit) -> Response | None:
    """Return the answer of a fault that lets nothing take effect."""
    match fault.fault:
        case "server_error":
            status = fault.status or 500
        case "unauthorized":
            status = 401
        case "forbidden":
            status = 403
        case "rate_limited":
            return rate_limited(1 if fault.seconds is None else fault.seconds, retry_after_header=True)
        case _:
            return None
    if visit.operation == "download":
        code = "AccessDenied" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "InternalError"
        return s3_error(status, code, responses.get(status, "Error"))
    if visit.operation == "token" and status == HTTPStatus.UNAUTHORIZED:
        return JSONResponse({"error": "invalid_client"}, status)
    return plain_error(status)


async def answer_under(fault: Fault | None, request: Request, world: World, visit: Visit, act: Act) -> Answer:
    """Answer the request by ``act``, spoiled where ``fault`` is one that every call can meet."""
    if fault is None:
        return await act(None)
    if fault.fault == "rate_limited":
        world.witness.counts["rate_limited"] += 1
    if refused := _refusal(fault, visit):
        return refused
    answer = await act(fault)
    match fault.fault:
        case "lost_answer":
            return LostAnswer()
        case "garbage_answer":
            return Response('{"data": {"rep', 200, media_type="application/json")
        case "odd_answer" if fault.body is not None and isinstance(answer, Response):
            return ODD_REPLIES[fault.body](bytes(answer.body))
        case "slow_answer":
            await disconnected_within(1 if fault.seconds is None else fault.seconds, request.receive)
    return answer
