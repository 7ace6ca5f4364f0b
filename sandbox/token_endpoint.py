"""Answers Buy with Prime's OAuth 2 token requests (RFC 6749, section 4.4)."""

import json
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse

from sandbox.answers import Answer, answer_under
from sandbox.faults import Fault
from sandbox.visit import Visit
from sandbox.world import World


async def token(request: Request, world: World, visit: Visit) -> Answer:
    """Answer ``POST /token``."""
    visit.operation = "token"
    fields = await _fields_of(request)
    client_id = fields.get("client_id", "")
    if not world.access_tokens.knows(client_id, fields.get("client_secret", "")):
        return JSONResponse({"error": "invalid_client"}, 401)
    visit.account = client_id

    async def act(fault: Fault | None) -> Answer:
        if fault is not None and fault.fault == "token_error":
            return JSONResponse({"error": "temporarily_unavailable"}, fault.status or 503)
        if fields.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if world.access_tokens.throttles(client_id):
            world.witness.counts["rate_limited"] += 1
            return JSONResponse({"error": "too_many_requests"}, 429)
        return _issued(world, client_id)

    return await answer_under(world.faults.take(visit), request, world, visit, act)


def _issued(world: World, client_id: str) -> Answer:
    world.witness.counts["tokens"] += 1
    seconds = world.settings.token_seconds
    answer = {
        "access_token": world.access_tokens.issue(client_id),
        "token_type": "bearer",
        "expires_in": int(seconds) if seconds.is_integer() else seconds,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _fields_of(request: Request) -> dict[str, str]:
    body = await request.body()
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(body.decode(errors="replace")))
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)} if isinstance(fields, dict) else {}
