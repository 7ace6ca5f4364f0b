"""Logs people in to the pages, reads what they see, and plants exports for them to look at."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from landfall.database import ledger
from landfall.database.keys import Scope
from landfall.exports.job import ExportJob, Fault
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from landfall.settings import Settings
from tests.exports.jobs import make_job
from tests.pages.browsing import Visitor
from tests.planted_files import transaction
from tests.stack import Stack, new_key

FAULT = Fault("report_failed", "the vendor could not build it", "Submit a smaller range.")
_TAG = re.compile(r"<[^>]+>")
_TOLD = re.compile(r'href="/exports/(exp_\w+)"')


@contextmanager
def logged_in(front: Stack, scope: Scope = Scope.WRITE, accounts: frozenset[str] | None = None) -> Iterator[Visitor]:
    """A browser with a session of that scope."""
    with Visitor(front) as visitor:
        assert visitor.log_in(new_key(Settings(home=front.home), scope, accounts)).status_code == 303
        yield visitor


def text_of(answer: httpx.Response) -> str:
    """What stands on the page, without its markup."""
    body = answer.text.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", unescape(_TAG.sub(" ", body)))


def listed(answer: httpx.Response) -> list[str]:
    """The exports of the list, from the first on."""
    return _TOLD.findall(answer.text.partition("<tbody>")[2])


def link(answer: httpx.Response, rel: str) -> str | None:
    """Where a page leads on to."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', answer.text)
    return unescape(found[1]) if found else None


def query_of(answer: httpx.Response) -> dict[str, str]:
    """The query of the address that an answer leads to."""
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def send(visitor: Visitor, path: str, fields: Mapping[str, Any] | None = None) -> httpx.Response:
    """Send a form with the session's token."""
    return visitor.send(path, {"form_token": visitor.form_token(), **(fields or {})})


def plant(front: Stack, export_id: str, state: State = State.FAILED, **changes: Any) -> ExportJob:
    """An export in that state, which ended in its download if it has failed."""
    now = datetime.now(UTC)
    made = make_job(id=export_id, created_at=now - timedelta(minutes=1), request_hash=export_id, **changes)
    job = replace(made, state=state, error=FAULT if state is State.FAILED else None)
    if state in {State.FAILED, State.CANCELLED}:
        job = replace(job, finished_at=now)
    with transaction(front.home) as connection:
        ledger.accept(connection, [job])
        if state is State.FAILED:
            ledger.note(connection, job, Event("give up", Step.DOWNLOAD, 3, FAULT), at=now)
    return job
