"""Promises of the stream that keeps a page fresh: whom it tells of what, and when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from landfall.settings import Settings
from tests.api import listening as streams
from tests.pages.browsing import Visitor, revoke
from tests.stack import Stack, new_key, until

CHANGE = "event: change"


@contextmanager
def listening(visitor: Visitor, path: str = "/live") -> Iterator[Iterator[str]]:
    """The lines of a stream behind its first change, by which a page learns what it has missed."""
    with visitor.client.stream("GET", path, headers={"accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert CHANGE in lines
        yield lines


@contextmanager
def settled(front: Stack) -> Iterator[list[str]]:
    """What is done in the block to the export that is put into the list has been told when the block is over."""
    with streams.listening(front, "/v1/events") as seen:
        seen.begin()
        done: list[str] = []
        yield done
        (export_id,) = done
        last = front.events(export_id)[-1]["id"]
        assert any(event["id"] >= last for _, event in seen.events())


def heard(front: Stack, path: str, accounts: frozenset[str] | None = None) -> int:
    """How many changes somebody is told of while one export of shop-bwp comes and one of shop-ab is cancelled.

    Their key is revoked in between, so that the second ends the stream.
    """
    key = new_key(Settings(home=front.home), accounts=accounts)
    with Visitor(front) as visitor:
        with settled(front) as done:
            done.append(front.submit("shop-ab", 1, force=True))
        visitor.log_in(key)
        with listening(visitor, path.format(theirs=done[0])) as lines:
            with settled(front) as other:
                other.append(front.submit("shop-bwp", 1, force=True))
            revoke(front, key)
            until(lambda: not is_in(front, visitor), "a session that opens nothing")
            front.post(f"/v1/exports/{done[0]}/cancel").raise_for_status()
            return list(lines).count(CHANGE)


def is_in(front: Stack, visitor: Visitor) -> bool:
    with Visitor(front, cookie=f"landfall_session_{front.port}={visitor.token}") as other:
        return other.is_in


def test_a_page_is_told_of_what_happens(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    with listening(visitor) as lines:
        front.submit(force=True)
        assert CHANGE in lines


def test_a_page_of_one_export_is_told_of_it(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    mine = front.submit(force=True)
    with listening(visitor, f"/live?export={mine}") as lines:
        front.post(f"/v1/exports/{mine}/cancel").raise_for_status()
        assert CHANGE in lines


@pytest.mark.slow
def test_a_session_whose_key_is_revoked_hears_nothing_more(front: Stack) -> None:
    # Of what happened before it was revoked it was told; an export comes in one event or in two.
    assert heard(front, "/live") in {1, 2}


def test_a_key_for_some_accounts_hears_nothing_of_the_others(front: Stack) -> None:
    assert heard(front, "/live", frozenset({"shop-ab"})) == 0


@pytest.mark.slow
def test_a_page_of_one_export_hears_nothing_of_the_others(front: Stack) -> None:
    assert heard(front, "/live?export={theirs}") == 0


def test_a_log_out_ends_what_the_session_listens_to(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    with Visitor(front, cookie=f"landfall_session_{front.port}={visitor.token}") as same, listening(same) as lines:
        visitor.log_out()
        until(lambda: not same.is_in, "a session that opens nothing")
        front.submit(force=True)
        assert CHANGE not in lines


def test_nobody_listens_without_a_log_in(visitor: Visitor) -> None:
    answer = visitor.get("/live", headers={"accept": "text/event-stream"})
    assert answer.status_code == 401
    with pytest.raises(httpx.HTTPStatusError):
        answer.raise_for_status()
