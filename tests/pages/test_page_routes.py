"""Promises of every route of the pages: what changes something wants a form of ours, and what shows something changes nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.routing import iter_route_contexts

from api.doorstep import is_a_page
from api.main import create_app
from landfall.settings import Settings
from tests.pages.browsing import Visitor
from tests.pages.planting import ELSEWHERE
from tests.stack import Stack

FOREIGN = "This form was not sent from a page of Landfall"
# Answers without end.
STREAM = "/live"
WITHOUT_SESSION = "/login"
# What is noted of whoever looks on.
NOTED = {"keys": {"last_used_at"}, "sessions": {"expires_at"}}


def routes(*methods: str) -> list[str]:
    """The addresses of the pages that take one of these methods."""
    found = iter_route_contexts(create_app(Settings(), "redis://127.0.0.1:9").routes)
    taking = {route.path or "" for route in found if set(methods) & (route.methods or set())}
    return sorted(path for path in taking if is_a_page(path) and path != STREAM)


def rows(stack: Stack) -> dict[str, list[tuple[object, ...]]]:
    """Everything that the database holds, but for what is noted of whoever looks on."""
    with closing(sqlite3.connect(stack.home / "landfall.db", timeout=30)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(f'"{name}"' for name in columns if name not in NOTED.get(table, set()))
            found[table] = sorted(database.execute(f"SELECT {kept} FROM {table}"), key=repr)  # noqa: S608 - our own names
        return found


@pytest.fixture(scope="module")
def inside(front: Stack) -> Iterator[Visitor]:
    """Somebody who is logged in and may do everything."""
    with Visitor(front) as visitor:
        visitor.log_in(front.key)
        yield visitor


@pytest.fixture(scope="module")
def places(front: Stack) -> dict[str, str]:
    """One of each thing that an address can name."""
    made = front.post("/v1/keys", json={"name": "spare"}).json()
    export = front.submit("shop-ab", 3, force=True)
    request = front.show(export)["request"]
    batch = front.post("/v1/batches", json={"exports": [{"account": "shop-ab", "request": request}]}).json()
    return {
        "{export_id}": export,
        "{batch_id}": batch["id"],
        "{key_id}": made["id"],
        "{delivery_id}": "msg_none",
        "{name:path}": "page.css",
        "{name}": "shop-ab",
    }


def named(path: str, places: dict[str, str]) -> str:
    for part, name in places.items():
        path = path.replace(part, name)
    assert "{" not in path, f"say in this test what stands for the name in {path}"
    return path


@pytest.mark.parametrize("path", routes("POST", "PUT", "PATCH", "DELETE"))
def test_no_form_changes_anything_without_the_token_of_its_session(
    front: Stack, inside: Visitor, places: dict[str, str], path: str
) -> None:
    with Visitor(front) as other:
        other.log_in(front.key)
        another = other.form_token()
    own, before = inside.form_token(), rows(front)
    address = named(path, places)
    forged: list[tuple[dict[str, str], dict[str, str] | None]] = [({"form_token": own}, ELSEWHERE)]
    if path != WITHOUT_SESSION:
        forged += [({}, None), ({"form_token": another}, None)]
    for fields, headers in forged:
        refused = inside.send(address, fields, headers)
        assert (refused.status_code, FOREIGN in refused.text) == (403, True)
    assert rows(front) == before


def test_no_page_changes_anything_by_being_looked_at(front: Stack, inside: Visitor, places: dict[str, str]) -> None:
    before = rows(front)
    for path in routes("GET", "HEAD"):
        address = named(path, places)
        for method in ("GET", "HEAD"):
            assert inside.client.request(method, address).status_code in {200, 404, 405, 409}, address
    assert rows(front) == before
