"""Accepts submissions that come at the same time in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection

from api import acceptance
from api.acceptance import Accepted, Asked
from api.problems import ProblemError
from api.replies import Reply, replay
from api.schemas.exports import ExportView
from landfall.database import answers
from landfall.database.answers import Answer, Claim
from landfall.database.connection import Database, DatabaseUnavailable

# A transaction keeps all others from the account, on SQLite from the whole database.
_MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Submitted:
    """The reply to a submission, and what was made for it; None where nothing was."""

    reply: Reply
    made: Accepted | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    """A submission, and who waits for its answer."""

    asked: Asked
    claim: Claim | None
    answer: asyncio.Future[Submitted]


@dataclass(slots=True)
class _Line:
    """The submissions that wait for their transaction, and what sees to it."""

    waiting: list[_Waiting] = field(default_factory=list)
    serving: asyncio.Task[None] | None = None


class Submitting:
    """Writes what waits in one transaction, and meanwhile lets the next ones wait.

    Nobody waits for others to come. A transaction costs a sync of the disk and, on Postgres, trips to the server,
    however many exports it makes.
    """

    def __init__(self, database: Database, *, by_account: bool) -> None:
        """`by_account` where each account is locked by itself: one that is held up then holds up no other."""
        self._database = database
        self._by_account = by_account
        self._lines: dict[str, _Line] = {}

    async def submit(self, asked: Asked, claim: Claim | None) -> Submitted:
        """Accept it together with whatever else waits. Raises ProblemError or DatabaseUnavailable."""
        line = self._lines.setdefault(asked.submission.account if self._by_account else "", _Line())
        one = _Waiting(asked, claim, asyncio.get_running_loop().create_future())
        line.waiting.append(one)
        if line.serving is None:
            line.serving = asyncio.create_task(self._serve(line))
        return await one.answer

    async def _serve(self, line: _Line) -> None:
        while line.waiting:
            group, line.waiting = line.waiting[:_MOST_AT_ONCE], line.waiting[_MOST_AT_ONCE:]
            await self._accept(group)
        line.serving = None

    async def _accept(self, group: Sequence[_Waiting]) -> None:
        try:
            found = await self._database.write(partial(_write, group=group))
        except DatabaseUnavailable as error:
            _tell(group, [error] * len(group))
        except Exception as error:  # noqa: BLE001 - one submission's mistake, or ours: whose it is shows when each goes alone
            if len(group) == 1:
                _tell(group, [error])
            else:
                for one in group:
                    await self._accept([one])
        else:
            _tell(group, found)


def _tell(group: Sequence[_Waiting], found: Sequence[Submitted | Exception]) -> None:
    for one, what in zip(group, found, strict=True):
        if one.answer.done():
            continue  # whoever asked has gone
        if isinstance(what, Exception):
            one.answer.set_exception(what)
        else:
            one.answer.set_result(what)


def _write(connection: Connection, group: Sequence[_Waiting]) -> list[Submitted | Exception]:
    kept = answers.claim(connection, [one.claim for one in group if one.claim])
    fresh = [one for one in group if one.claim is None or one.claim not in kept]
    accepted = acceptance.accept(connection, [one.asked for one in fresh])
    made = {one: _submitted(each) for one, each in zip(fresh, accepted, strict=True)}
    answers.keep(connection, {one.claim: each.reply.answer for one, each in made.items() if one.claim})
    found: list[Submitted | Exception] = []
    for one in group:
        if one.claim and one.claim in kept:
            try:
                found.append(Submitted(replay(one.claim, kept[one.claim])))
            except ProblemError as problem:
                found.append(problem)
        else:
            found.append(made[one])
    return found


def _submitted(accepted: Accepted) -> Submitted:
    job = accepted.job
    status = HTTPStatus.ACCEPTED if accepted.new else HTTPStatus.OK
    body = ExportView.of(job).model_dump_json()
    return Submitted(Reply(Answer(status, body, f"/v1/exports/{job.id}")), accepted)
