"""Describes in the API's document how a call may be refused."""

from typing import Any, TypeAlias

from api.problems import Problem

Refusals: TypeAlias = dict[int | str, dict[str, Any]]


def refusal(status: int, why: str) -> Refusals:
    """A problem that is answered with this status."""
    return {status: {"model": Problem, "content": {"application/problem+json": {}}, "description": why}}


INVALID = refusal(422, "A field is wrong; `errors` names it.")
NO_EXPORT = refusal(404, "No export has this id.")
NO_BATCH = refusal(404, "No batch has this id.")
