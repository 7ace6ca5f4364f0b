"""Answers a request once, however often it is sent under one Idempotency-Key."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy import Connection

from api.auth import Caller, Writer
from api.problems import FieldError, ProblemError, invalid
from api.refusals import refusal
from api.replies import NAME, Reply, replay
from api.services import Services
from landfall.database import answers
from landfall.database.answers import Answer, Claim

_FORM = re.compile(r"[\x20-\x7e]{1,255}")
_RETRY_SECONDS = 1
_EXPLAINED = (
    "A name of your own for this request, 1 to 255 printable ASCII characters. Sent again within 24 hours under the "
    "same API key, the same request gets the same answer (`Idempotent-Replayed: true`) and does nothing."
)
IN_PROGRESS = refusal(409, f"A request under the same {NAME} is being answered; `Retry-After` says when.")


IdempotencyKey = Annotated[str | None, Header(alias=NAME, description=_EXPLAINED)]


async def claim_of(request: Request, caller: Caller, idempotency_key: str | None) -> Claim | None:
    """What the request is to be answered once under, None where it named no key. Raises ProblemError (422)."""
    if idempotency_key is None:
        return None
    if len(request.headers.getlist(NAME)) > 1 or not _FORM.fullmatch(idempotency_key):
        raise invalid([FieldError(header=NAME, detail="give it once, as 1 to 255 printable ASCII characters")])
    asked = [request.method, request.url.path, await request.json() if await request.body() else None]
    # However its JSON is written: a client that builds it anew may put the fields in another order.
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return Claim(caller.key_id, idempotency_key, hashlib.sha256(canonical.encode()).hexdigest())


async def _claim(request: Request, caller: Writer, idempotency_key: IdempotencyKey = None) -> Claim | None:
    return await claim_of(request, caller, idempotency_key)


Once = Annotated[Claim | None, Depends(_claim)]


@contextmanager
def alone(given: Services, claim: Claim | None) -> Iterator[None]:
    """Keep this process from answering a second request under the same key in this block.

    Raises ProblemError (409) where it is just answering one. What another process does, the database knows.
    """
    if claim is None:
        yield
        return
    place = (claim.key_id, claim.key)
    if place in given.answering:
        detail = f"a request under this {NAME} is still being answered; send it again in a moment"
        headers = {"retry-after": str(_RETRY_SECONDS)}
        raise ProblemError(HTTPStatus.CONFLICT, detail, [FieldError(header=NAME, detail=detail)], headers)
    given.answering.add(place)
    try:
        yield
    finally:
        given.answering.remove(place)


async def answer_once(given: Services, claim: Claim | None, work: Callable[[Connection], Answer]) -> Reply:
    """Do the work in one transaction and keep its answer in it, or give the answer that is kept already.

    Raises ProblemError: 409 while this process answers under the same key, 422 where another request has used it.
    What the work raises is not kept.
    """
    with alone(given, claim):
        return await given.database.write(partial(_answer, claim=claim, work=work))


def _answer(connection: Connection, claim: Claim | None, work: Callable[[Connection], Answer]) -> Reply:
    if claim is None:
        return Reply(work(connection))
    if kept := answers.claim(connection, [claim]):
        return replay(claim, kept[claim])
    answer = work(connection)
    answers.keep(connection, {claim: answer})
    return Reply(answer)
