"""Speaks Buy with Prime's GraphQL API over HTTP."""

import json
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLError, execute_sync
from starlette.requests import Request
from starlette.responses import JSONResponse

from sandbox.answers import Answer, answer_under, plain_error
from sandbox.faults import Fault
from sandbox.graphql_documents import SCHEMA, read_document, what_is_asked
from sandbox.report_tasks import Call, invalid, resolve
from sandbox.visit import Visit
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Question:
    """The body of a GraphQL request."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


async def graphql(request: Request, world: World, visit: Visit) -> Answer:
    """Answer ``POST /graphql``."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    visit.account = world.access_tokens.client(bearer.strip()) if scheme.lower() == "bearer" else None
    if visit.account is None:
        return plain_error(401)
    if not request.headers.get("x-api-target-id"):
        return JSONResponse({"error": "Forbidden", "message": "x-api-target-id is missing"}, 403)
    if not request.headers.get("x-api-version"):
        return JSONResponse({"error": "Bad Request", "message": "x-api-version is missing"}, 400)
    question = await _question_of(request)
    if question is None:
        return JSONResponse({"error": "Bad Request", "message": "The body must be JSON with a query"}, 400)
    return await _answer(request, world, visit, question, bearer.strip())


async def _answer(request: Request, world: World, visit: Visit, question: Question, bearer: str) -> Answer:
    try:
        document = read_document(question.query)
    except ExceptionGroup as wrong:
        return JSONResponse({"errors": [_refused(error) for error in wrong.exceptions], "data": None})
    asked, account = what_is_asked(document, question.operation_name, question.variables), visit.account or ""
    visit.operation = asked.operation
    visit.report = world.reports.owned(asked.task_id or "", account)
    fault = world.faults.take(visit)
    if fault is not None and fault.fault == "unauthorized":
        world.access_tokens.forget(bearer)

    async def act(fault: Fault | None) -> Answer:
        return _executed(document, question, Call(world, account, visit, fault))

    return await answer_under(fault, request, world, visit, act)


def _executed(document: DocumentNode, question: Question, call: Call) -> Answer:
    result = execute_sync(SCHEMA, document, None, call, question.variables, question.operation_name, resolve)
    errors = [_refused(error) for error in result.errors or ()]
    return JSONResponse({"errors": errors, "data": result.data} if errors else {"data": result.data})


async def _question_of(request: Request) -> Question | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    match body:
        case {"query": str(query)}:
            variables, name = body.get("variables") or {}, body.get("operationName")
            if isinstance(variables, dict) and isinstance(name, str | None):
                return Question(query, variables, name)
    return None


def _refused(error: Exception) -> dict[str, Any]:
    """Return the error as the vendor writes it; one of GraphQL itself counts as a ValidationException."""
    if not isinstance(error, GraphQLError):
        raise error
    if error.original_error and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    if not error.extensions:
        error.extensions = invalid(error.message).extensions
    return dict(error.formatted)
