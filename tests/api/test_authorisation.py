"""Checks who may call what: every route by every kind of key."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route

from api.auth import require_scopes
from api.doorstep import is_a_page
from api.main import create_app
from landfall.database.keys import Scope
from landfall.settings import Settings
from tests import plain_http
from tests.api.conftest import NOWHERE
from tests.stack import Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox

OURS, THEIRS = "shop-bwp", "shop-ab"
EVENTS = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-01-02"}
SUBMISSION = {"account": OURS, "request": EVENTS, "force": True}
WEBHOOK = "ops"
TOLD = f"""
[webhooks.{WEBHOOK}]
url = "https://receiver.test/"
secret = {{ env = "WEBHOOK_SECRET" }}
accounts = ["{OURS}"]
"""
ALL = {"filter": {"label": ["none:none"]}, "dry_run": True}


@dataclass(frozen=True)
class Row:
    """What a route needs, what it answers a key that is good enough, and one that is good for another account only."""

    scope: Scope | None
    good: int = 200
    other: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


# What a page takes; without a session it is refused, whatever the key may do.
FORM = {"content-type": "application/x-www-form-urlencoded"}
READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN
TABLE: dict[tuple[str, str], Row] = {
    ("GET", "/healthz"): Row(None),
    ("HEAD", "/healthz"): Row(None),
    ("GET", "/readyz"): Row(None),
    ("HEAD", "/readyz"): Row(None),
    ("GET", "/static/{name:path}"): Row(None),
    ("HEAD", "/static/{name:path}"): Row(None),
    ("GET", "/login"): Row(None),
    ("POST", "/login"): Row(None, good=401, headers=FORM),
    ("POST", "/logout"): Row(READ, good=403, other=403, headers=FORM),
    ("GET", "/"): Row(READ),
    ("GET", "/live"): Row(READ),
    ("GET", "/exports"): Row(READ),
    ("GET", "/exports/new"): Row(WRITE),
    ("POST", "/exports/new"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/exports/cancel"): Row(WRITE),
    ("POST", "/exports/cancel"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/exports/retry"): Row(WRITE),
    ("POST", "/exports/retry"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/exports/{export_id}"): Row(READ, other=404),
    ("GET", "/exports/{export_id}/file"): Row(READ, good=409, other=404),
    ("HEAD", "/exports/{export_id}/file"): Row(READ, good=409, other=404),
    ("POST", "/exports/{export_id}/cancel"): Row(WRITE, good=403, other=403, headers=FORM),
    ("POST", "/exports/{export_id}/retry"): Row(WRITE, good=403, other=403, headers=FORM),
    ("POST", "/exports/{export_id}/priority"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/accounts"): Row(READ),
    ("POST", "/accounts/{name}/pause"): Row(ADMIN, good=403, other=403, headers=FORM),
    ("POST", "/accounts/{name}/resume"): Row(ADMIN, good=403, other=403, headers=FORM),
    ("GET", "/batches"): Row(READ),
    ("GET", "/batches/{batch_id}"): Row(READ, other=404),
    ("GET", "/batches/{batch_id}/cancel"): Row(WRITE, other=404),
    ("POST", "/batches/{batch_id}/cancel"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/batches/{batch_id}/retry"): Row(WRITE, other=404),
    ("POST", "/batches/{batch_id}/retry"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/webhooks"): Row(READ),
    ("POST", "/webhooks/{name}/test"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/webhooks/deliveries/{delivery_id}"): Row(READ, other=404),
    ("POST", "/webhooks/deliveries/{delivery_id}/resend"): Row(WRITE, good=403, other=403, headers=FORM),
    ("GET", "/keys"): Row(ADMIN),
    ("POST", "/keys"): Row(ADMIN, good=403, other=403, headers=FORM),
    ("GET", "/keys/{key_id}/revoke"): Row(ADMIN, other=404),
    ("POST", "/keys/{key_id}/revoke"): Row(ADMIN, good=403, other=403, headers=FORM),
    ("GET", "/workers"): Row(READ),
    ("GET", "/metrics"): Row(READ),
    ("GET", "/docs"): Row(READ),
    ("GET", "/docs/openapi.json"): Row(READ),
    ("GET", "/v1/openapi.json"): Row(READ),
    ("HEAD", "/v1/openapi.json"): Row(READ),
    ("GET", "/v1/accounts"): Row(READ),
    ("POST", "/v1/accounts/{name}/pause"): Row(ADMIN, other=404),
    ("POST", "/v1/accounts/{name}/resume"): Row(ADMIN, other=404),
    ("GET", "/v1/exports"): Row(READ),
    ("POST", "/v1/exports"): Row(WRITE, good=202, other=422, body=SUBMISSION),
    ("POST", "/v1/exports/cancel"): Row(WRITE, body=ALL),
    ("POST", "/v1/exports/retry"): Row(WRITE, body=ALL),
    ("GET", "/v1/exports/{export_id}"): Row(READ, other=404),
    ("PATCH", "/v1/exports/{export_id}"): Row(WRITE, other=404, body={"priority": 7}),
    ("POST", "/v1/exports/{export_id}/cancel"): Row(WRITE, other=404),
    ("POST", "/v1/exports/{export_id}/retry"): Row(WRITE, good=409, other=404, body={}),
    ("GET", "/v1/exports/{export_id}/events"): Row(READ, other=404),
    ("GET", "/v1/exports/{export_id}/explain"): Row(READ, other=404),
    ("GET", "/v1/exports/{export_id}/file"): Row(READ, good=409, other=404),
    ("HEAD", "/v1/exports/{export_id}/file"): Row(READ, good=409, other=404),
    # It is a stream without end, and is not asked for as one.
    ("GET", "/v1/events"): Row(READ, good=406, other=406, headers={"accept": "application/json"}),
    ("GET", "/v1/batches"): Row(READ),
    ("POST", "/v1/batches"): Row(WRITE, good=202, other=422, body={"exports": [SUBMISSION]}),
    ("GET", "/v1/batches/{batch_id}"): Row(READ, other=404),
    ("POST", "/v1/batches/{batch_id}/cancel"): Row(WRITE, other=404),
    ("POST", "/v1/batches/{batch_id}/retry"): Row(WRITE, other=404),
    ("GET", "/v1/keys"): Row(ADMIN),
    ("POST", "/v1/keys"): Row(ADMIN, good=201, other=201, body={"name": "made"}),
    ("DELETE", "/v1/keys/{key_id}"): Row(ADMIN, other=404),
    ("GET", "/v1/webhooks"): Row(READ),
    ("POST", "/v1/webhooks/{name}/test"): Row(WRITE, good=202, other=404),
    ("GET", "/v1/webhooks/deliveries"): Row(READ),
    ("GET", "/v1/webhooks/deliveries/{delivery_id}"): Row(READ, other=404),
    ("POST", "/v1/webhooks/deliveries/{delivery_id}/resend"): Row(WRITE, good=202, other=404),
}
TABLE |= {
    ("HEAD", path): row
    for (method, path), row in TABLE.items()
    if method == "GET" and is_a_page(path) and path not in {"/live", "/exports/{export_id}/file"}
}


def routes() -> list[tuple[str, str]]:
    app = create_app(Settings(), "redis://127.0.0.1:9")
    found = iter_route_contexts(app.routes)
    return sorted((method, route.path or "") for route in found for method in route.methods or ())


@dataclass
class Doors:
    """An API, and a key of each kind to it."""

    stack: Stack
    keys: dict[str, str] = field(repr=False)

    def ask(self, kind: str, method: str, path: str, row: Row) -> int:
        key = self.keys[kind]
        headers = row.headers | {"authorization": f"Bearer {key}" if key else ""}
        body = None if row.body is None else json.dumps(row.body)
        headers |= {"content-type": "application/json"} if body else {}
        # Some answers have no end.
        with plain_http.stream(method, self.stack.url + path, headers=headers, content=body, timeout=30) as answer:
            return answer.status_code

    def fill(self, path: str) -> str:
        """The path with an export, a batch and a key of its own in it."""
        made: dict[str, Callable[[], str]] = {
            "webhooks/{name}": lambda: f"webhooks/{WEBHOOK}",
            "{name}": lambda: OURS,
            "{delivery_id}": lambda: str(self.make(f"/v1/webhooks/{WEBHOOK}/test")["id"]),
            "{export_id}": lambda: str(self.make("/v1/exports", SUBMISSION)["id"]),
            "{batch_id}": lambda: str(self.make("/v1/batches", {"exports": [SUBMISSION]})["id"]),
            "{name:path}": lambda: "icon.svg",
            "{key_id}": lambda: str(self.make("/v1/keys", {"name": "to be revoked"})["id"]),
        }
        for name, make in made.items():
            if name in path:
                path = path.replace(name, make())
        return path

    def make(self, path: str, body: Any = None) -> dict[str, Any]:
        sent = {} if body is None else {"json": body}
        return dict(self.stack.post(path, **sent).raise_for_status().json())


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path_factory.mktemp("doors") / "home", vendors, TOLD) as stack:
        # A table full of wrong keys comes from one address here.
        stack.start_api(LANDFALL_API_WRONG_KEYS="0", WEBHOOK_SECRET="whsec_" + "c2VjcmV0" * 6)
        settings = Settings(home=stack.home)
        keys = {scope.value: new_key(settings, scope) for scope in Scope}
        keys |= {"none": "", "wrong": "lf_wrongkey_" + "x" * 43, "nonsense": "nonsense"}
        keys["expired"] = new_key(settings, ADMIN, expires_in=timedelta(microseconds=1))
        keys["other account"] = new_key(settings, ADMIN, frozenset({THEIRS}))
        keys["revoked"] = new_key(settings, ADMIN)
        made = stack.get("/v1/keys").json()["items"]
        revoked = next(key for key in made if keys["revoked"].startswith(key["prefix"]))
        assert stack.call("DELETE", f"/v1/keys/{revoked['id']}").status_code == 200
        # Whoever has none of these five slots of the account stays queued.
        for _ in range(5):
            stack.post("/v1/exports", json=SUBMISSION).raise_for_status()
        yield Doors(stack, keys)


def expected(row: Row) -> dict[str, int]:
    if row.scope is None:
        kinds = ("none", "wrong", "nonsense", "revoked", "expired", *Scope, "other account")
        return dict.fromkeys(map(str, kinds), row.good)
    allowed = {scope.value: row.good if scope.includes(row.scope) else 403 for scope in Scope}
    refused = dict.fromkeys(("none", "wrong", "nonsense", "revoked", "expired"), 401)
    return refused | allowed | {"other account": row.other}


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_opens_to_the_keys_of_the_table_alone(doors: Doors, method: str, path: str) -> None:
    assert (method, path) in TABLE, f"{method} {path} is in no row of the table: write who may call it"
    row = TABLE[method, path]
    filled = doors.fill(path)
    assert {kind: doors.ask(kind, method, filled, row) for kind in expected(row)} == expected(row)


def test_the_table_has_no_row_of_a_route_that_is_gone() -> None:
    assert TABLE.keys() - set(routes()) == set()


def test_what_needs_no_key_is_health_the_log_in_and_what_pages_look_like() -> None:
    open_to_all = {path for (_, path), row in TABLE.items() if row.scope is None}
    assert open_to_all == {"/healthz", "/readyz", "/login", "/static/{name:path}"}


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/healthz/", "//healthz", "/HEALTHZ", "/healthz/../v1/keys"]
)
def test_without_a_key_nobody_learns_what_there_is(doors: Doors, path: str) -> None:
    answer = httpx.get(doors.stack.url + path, trust_env=False)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "landfall keys create" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["{}", "Basic {}", "Bearer", "Bearer x {}", "Token {}"])
def test_a_key_that_is_sent_in_another_way_is_none(doors: Doors, header: str) -> None:
    headers = {"authorization": header.format(doors.stack.key)}
    assert doors.stack.get("/v1/accounts", headers=headers).status_code == 401


def test_two_keys_are_as_good_as_none(doors: Doors) -> None:
    headers = [("authorization", f"Bearer {doors.stack.key}")] * 2
    assert httpx.get(f"{doors.stack.url}/v1/accounts", headers=headers, trust_env=False).status_code == 401


def test_the_scheme_is_read_in_any_case(doors: Doors) -> None:
    headers = {"authorization": f"bearer {doors.stack.key}"}
    assert doors.stack.get("/v1/accounts", headers=headers).status_code == 200


def test_a_refusal_names_the_scope_that_is_needed(doors: Doors) -> None:
    headers = {"authorization": f"Bearer {doors.keys['read']}"}
    answer = doors.stack.post("/v1/exports", json=SUBMISSION, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["detail"] == "this needs a key of scope write; the scope of yours, 'test', is read"
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="write"'


@pytest.mark.parametrize(
    ("kind", "word"), [("revoked", "was revoked on"), ("expired", "expired on"), ("wrong", "not known")]
)
def test_whoever_holds_a_key_is_told_what_has_become_of_it(doors: Doors, kind: str, word: str) -> None:
    answer = doors.stack.get("/v1/accounts", headers={"authorization": f"Bearer {doors.keys[kind]}"})
    assert word in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_key_of_one_account_sees_nothing_of_the_others(doors: Doors) -> None:
    theirs = {"authorization": f"Bearer {doors.keys['other account']}"}
    doors.stack.post("/v1/exports", json=SUBMISSION).raise_for_status()
    exports = doors.stack.get("/v1/exports", params={"limit": 200}, headers=theirs).json()["items"]
    accounts = doors.stack.get("/v1/accounts", headers=theirs).json()["items"]
    keys = doors.stack.get("/v1/keys", headers=theirs).json()["items"]
    assert {each["account"] for each in exports} <= {THEIRS}
    assert [each["name"] for each in accounts] == [THEIRS]
    assert {tuple(each["accounts"]) for each in keys} == {(THEIRS,)}
    refused = doors.stack.post("/v1/exports", json=SUBMISSION, headers=theirs)
    assert OURS not in refused.json()["detail"].partition("known:")[2]


def test_a_route_that_names_nobody_keeps_the_api_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/new")
    async def new() -> None: ...

    app = FastAPI()
    app.include_router(router)
    with pytest.raises(LookupError, match=r"^/v1/new: let new take a Reader, Writer or Admin"):
        require_scopes(app)


def test_whatever_the_app_serves_is_a_route_that_the_table_can_see() -> None:
    app = create_app(Settings(), "redis://127.0.0.1:9")
    assert all(isinstance(each.original_route, Route) for each in iter_route_contexts(app.routes))


def test_a_revoked_key_ends_the_streams_that_it_opened(doors: Doors) -> None:
    made = doors.make("/v1/keys", {"name": "listener"})
    headers = {"authorization": f"Bearer {made['key']}", "accept": "text/event-stream"}
    with httpx.stream("GET", f"{doors.stack.url}/v1/events", headers=headers, timeout=60, trust_env=False) as answer:
        assert answer.status_code == 200
        doors.stack.call("DELETE", f"/v1/keys/{made['id']}").raise_for_status()
        until(lambda: doors.stack.get("/v1/accounts", headers=headers).status_code == 401, "a key that opens nothing")
        told = doors.make("/v1/exports", SUBMISSION)["id"]
        assert told not in answer.read().decode()
