"""Plants every secret that Landfall is given, lets exports run through faults, and searches whatever it wrote and answers."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from api.main import create_app
from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.stack import LINK_SECRET, SECRETS, Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox
from tests.webhooks.receiver import OTHER_SECRET, SECRET, Receiver, Reply, receiver

ACCOUNTS = ("shop-ab", "shop-bwp")
HOOK_QUERY, CALLBACK_QUERY = "PlantedQueryOfAWebhook", "PlantedQueryOfACallback"
INNARDS, PASSWORD = "PlantedInnardsOfAReceiver", "PlantedPassword"
WRONG_KEY = "lf_wrongkey_" + "PlantedWrongKey" * 2 + "x" * 13
# A signed query, a signature of a webhook, and the token that Buy with Prime gives for the client's secret.
SHAPES = re.compile(rb"[?&]X-Amz-|Signature=|v1,[A-Za-z0-9+/]{43}=|(?i:bearer) (?!lf_[a-z])[\w-]{12,}")
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("download_dropped", {}),
    ("link_expired", {}),
    ("unauthorized", {"operation": "poll"}),
    ("garbage_answer", {"operation": "link"}),
    ("html_page", {}),
    ("server_error", {"operation": "download"}),
    ("lost_answer", {"operation": "token"}),
    ("report_failed", {"vendor": "buy_with_prime"}),
]


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def planted(sandbox: Sandbox, told: Receiver, tmp_path: Path) -> Iterator[Stack]:
    """An API and a worker whose settings hold a secret of every kind."""
    sandbox.reset()
    hook = f"""
[webhooks.ops]
url = {json.dumps(f"{told.url}?key={HOOK_QUERY}")}
secret = {{ env = "HOOK_SECRET" }}
previous_secret = {{ env = "OTHER_HOOK_SECRET" }}
allow_private_hosts = true
"""
    settings = {
        "HOOK_SECRET": SECRET,
        "OTHER_HOOK_SECRET": OTHER_SECRET,
        "LANDFALL_CALLBACK_SECRET": '{"env": "HOOK_SECRET"}',
        "LANDFALL_CALLBACK_ALLOW_PRIVATE_HOSTS": "true",
    }
    with run_stack(tmp_path / "home", sandbox, hook, settings) as stack:
        stack.start_api()
        stack.start("worker")
        yield stack


def run_through_faults(stack: Stack, told: Receiver) -> str:
    """Let exports of both vendors end while much goes wrong; the batch that they are in."""
    told.replies += [Reply(500, {"x-odd": INNARDS}, INNARDS.encode()), Reply(302, {"location": f"/{INNARDS}"})]
    for fault, how in FAULTS:
        stack.sandbox.fault(fault, **how)
    callback = f"{told.url}?key={CALLBACK_QUERY}"
    ids = [
        stack.submit(account, number, force=True, callback_url=callback) for account in ACCOUNTS for number in range(4)
    ]
    once = {"idempotency-key": "once"}
    one = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}, "callback_url": callback}
    batches = [stack.post("/v1/batches", json={"exports": [one]}, headers=once) for _ in range(2)]
    assert [answer.status_code for answer in batches] == [202, 202]
    for id_ in ids:
        stack.wait_for(id_, "stored", "failed")
    batch = str(batches[0].json()["id"])
    until(lambda: stack.get(f"/v1/batches/{batch}").json()["finished_at"], "the end of the batch")
    until(
        lambda: all(each["attempts"] for each in deliveries(stack)) and len(told.got) > len(ids), "that all were told"
    )
    assert sum(stack.sandbox.stats()["faults"].values()) == len(FAULTS)
    return batch


def deliveries(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.get("/v1/webhooks/deliveries", params={"limit": 200}).json()["items"])


def pages(stack: Stack, batch: str) -> Iterator[tuple[str, bytes]]:
    """What every route answers to a GET, each stream among them, of every export, batch and delivery that there is."""
    named = {
        "export_id": [each["id"] for each in stack.get("/v1/exports", params={"limit": 200}).json()["items"]],
        "batch_id": [batch],
        "delivery_id": [each["id"] for each in deliveries(stack)],
        "key_id": [each["id"] for each in stack.get("/v1/keys").json()["items"]],
    }
    app = create_app(Settings(), "redis://127.0.0.1:9")
    routes = {route.path or "" for route in iter_route_contexts(app.routes) if "GET" in (route.methods or ())}
    # It has no end, and no word but `change`.
    for path in sorted(routes - {"/live"}):
        name = next(iter(re.findall(r"{(\w+)}", path)), None)
        for id_ in named[name] if name else [""]:
            # A stream of all exports has no end.
            how = {"headers": {"accept": "application/json"}} if path == "/v1/events" else {}
            answer = stack.get(path.replace(f"{{{name}}}", id_), follow_redirects=False, **how)
            yield f"GET {path} {id_}", answer.content + repr(answer.headers).encode()
    for id_ in named["export_id"]:
        stream = stack.get(f"/v1/exports/{id_}/events", headers={"accept": "text/event-stream"})
        assert b"event: end" in stream.content
        yield f"stream of {id_}", stream.content


def problems(stack: Stack, told: Receiver, key: str) -> Iterator[tuple[str, bytes]]:
    """What is answered where a secret was put where none belongs, or something was wrong beside one."""
    one = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}
    callback = f"{told.url}?key={CALLBACK_QUERY}"
    asked: list[tuple[str, str, int, dict[str, Any]]] = [
        ("GET", "/v1/exports", 401, {"headers": {"authorization": f"Bearer {WRONG_KEY}"}}),
        ("GET", "/v1/exports", 401, {"headers": {"authorization": ""}, "params": {"api_key": key}}),
        ("GET", "/v1/exports", 422, {"params": {"api_key": key}}),
        ("GET", "/v1/exports", 422, {"params": {"cursor": key}}),
        ("GET", "/v1/webhooks/deliveries", 422, {"params": {"state": key}}),
        ("GET", f"/{key}", 404, {}),
        ("DELETE", f"/v1/exports/{key}", 405, {}),
        ("POST", "/v1/keys", 403, {"headers": {"authorization": f"Bearer {key}"}, "json": {"name": "x"}}),
        ("POST", "/v1/exports", 422, {"json": {**one, "callback_url": callback, "priority": key}}),
        ("POST", "/v1/exports", 422, {"json": {**one, "callback_url": f"https://me:{PASSWORD}@a.example/"}}),
        ("POST", "/v1/exports", 422, {"json": {**one, "callback_url": f"{callback} "}}),
        ("POST", "/v1/exports", 422, {"json": {**one, "request": {"report_type": SECRETS["BWP_SECRET"]}}}),
        ("POST", "/v1/batches", 422, {"json": {"exports": [{**one, "callback_url": callback, "labels": key}]}}),
        ("POST", "/v1/exports", 400, {"content": f'{{"a": "{key}', "headers": {"content-type": "application/json"}}),
        (
            "POST",
            "/v1/exports",
            422,
            {"json": {**one, "callback_url": callback}, "headers": {"idempotency-key": "once"}},
        ),
    ]
    for method, path, status, how in asked:
        answer = stack.call(method, path, **how)
        assert answer.status_code == status, (method, path, answer.text)
        yield f"{method} {path} {status}", answer.content
    stack.get("/v1/nothing", headers={"x-request-id": key})


def written(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the home but the settings, logs and manifests among them, and every row."""
    for path in home.rglob("*"):
        if path.is_file() and path.name != "landfall.toml":
            yield str(path), path.read_bytes()
    with closing(sqlite3.connect(home / "landfall.db")) as database, closing(sqlite3.connect(":memory:")) as copy:
        database.backup(copy)
        # Whoever calls back needs the whole address: it stands in these two columns and nowhere else.
        copy.execute("UPDATE exports SET callback_url = NULL")
        copy.execute("UPDATE deliveries SET url = NULL")
        yield "rows", "\n".join(copy.iterdump()).encode()


@pytest.mark.slow
def test_no_secret_is_in_any_log_row_event_page_metric_manifest_or_problem(planted: Stack, told: Receiver) -> None:
    reader = new_key(Settings(home=planted.home), Scope.READ, frozenset(ACCOUNTS))
    batch = run_through_faults(planted, told)
    found = dict(pages(planted, batch)) | dict(problems(planted, told, reader))
    planted.stop()
    found |= dict(written(planted.home))
    assert len(found) > 100
    assert {"webhook", "step", "request"} <= {line.get("event") for line in log_lines(found)}
    secrets = [
        *(SECRETS["IT_TOKEN"], SECRETS["BWP_SECRET"], LINK_SECRET, INNARDS, HOOK_QUERY, PASSWORD),
        *(secret.removeprefix("whsec_") for secret in (SECRET, OTHER_SECRET)),
        *(key[len("lf_12345678_") :] for key in (planted.key, reader, WRONG_KEY)),
    ]
    for place, text in found.items():
        looked_for = [*secrets, *([] if "landfall.db" in place else [CALLBACK_QUERY])]
        assert not [secret for secret in looked_for if secret.encode() in text], place
        assert not SHAPES.search(text), (place, SHAPES.search(text))


def log_lines(found: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    for place, text in found.items():
        if place.endswith((".log",)):
            yield from (json.loads(line) for line in text.splitlines() if line.startswith(b"{"))
