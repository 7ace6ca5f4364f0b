"""Holds what is answered to a request that is answered once."""

from dataclasses import dataclass

from fastapi import Response

from api.problems import FieldError, invalid
from landfall.database.answers import Answer, Claim, Kept

NAME = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and whether it was given before."""

    answer: Answer
    replayed: bool = False

    def response(self) -> Response:
        """The answer as it goes out."""
        headers = {"location": self.answer.location} if self.answer.location else {}
        if self.replayed:
            headers["idempotent-replayed"] = "true"
        return Response(self.answer.body, self.answer.status, headers=headers, media_type="application/json")


def replay(claim: Claim, kept: Kept) -> Reply:
    """The answer that was given before. Raises ProblemError (422) where it was given to another request."""
    if kept.request_hash != claim.request_hash:
        detail = "another request was sent under this key; take a new key for a new request"
        raise invalid([FieldError(header=NAME, detail=detail)])
    return Reply(kept.answer, replayed=True)
