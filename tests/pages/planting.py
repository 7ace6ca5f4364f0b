"""Puts into a stack's database what no worker is there to bring about, and reads pages as people do."""

import re
from collections.abc import Callable
from html import unescape
from typing import TypeVar

from sqlalchemy import Connection

from landfall.database.keys import Scope
from landfall.database.opening import open_database
from landfall.settings import Settings
from tests.asynchronous import run
from tests.pages.browsing import Visitor
from tests.stack import Stack, new_key

T = TypeVar("T")
ELSEWHERE = {"origin": "https://elsewhere.test", "sec-fetch-site": "cross-site"}


def plant(stack: Stack, work: Callable[[Connection], T]) -> T:
    """Do this in one transaction on the stack's database."""

    async def write() -> T:
        async with open_database(Settings(home=stack.home), for_steps=True) as database:
            return await database.write(work)

    return run(write())


def entered(stack: Stack, scope: Scope = Scope.READ, *accounts: str) -> Visitor:
    """A browser that is logged in with a key of this scope, limited to these accounts if there are any."""
    visitor = Visitor(stack)
    visitor.log_in(new_key(Settings(home=stack.home), scope, frozenset(accounts) or None))
    return visitor


def read(visitor: Visitor, path: str, within: str | None = None) -> str:
    """What stands on a page, or in the part of it that has this id, without the tags."""
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return words(answer.text if within is None else part(answer.text, within))


def words(html: str) -> str:
    """The text of some HTML in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def part(html: str, name: str) -> str:
    """The element of this id, with what is in it."""
    opening = re.search(rf'<(\w+)[^>]*\bid="{re.escape(name)}"', html)
    assert opening, f"nothing on the page has the id {name}"
    depth = 0
    for tag in re.finditer(rf"<(/?){opening[1]}\b", html[opening.start() :]):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return html[opening.start() : opening.start() + tag.end() + len(">")]
    raise AssertionError(f"{name} has no end")


def refused(visitor: Visitor, path: str) -> list[int]:
    """What comes of a form that carries no token, a wrong one, and one that another site's page sent."""
    token = {"form_token": visitor.form_token()}
    tries = [visitor.send(path), visitor.send(path, {"form_token": "x" * 43}), visitor.send(path, token, ELSEWHERE)]
    return [answer.status_code for answer in tries]
