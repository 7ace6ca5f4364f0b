"""Checks how keys are made, listed and revoked over HTTP, and that no key stands anywhere but with its holder."""

import sqlite3
from pathlib import Path
from typing import Any

import psutil
import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.stack import Stack, new_key, until


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def make(api: Stack, **wanted: Any) -> dict[str, Any]:
    answer = api.post("/v1/keys", json={"name": "test", **wanted})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return dict(answer.json())


def test_a_new_key_works_and_is_told_once(api: Stack) -> None:
    made = make(api, name="warehouse", scope="write", accounts=["shop-ab"], expires_in="P90D")
    key = made.pop("key")
    assert key.startswith(made["prefix"])
    assert (made["scope"], made["accounts"], made["revoked_at"]) == ("write", ["shop-ab"], None)
    assert made["expires_at"] > made["created_at"]
    assert api.get("/v1/accounts", headers=bearer(key)).status_code == 200
    listed = api.get("/v1/keys").json()["items"]
    found = next(each for each in listed if each["id"] == made["id"])
    assert found | {"last_used_at": None} == made


def test_a_key_reads_only_unless_more_is_asked_for(api: Stack) -> None:
    made = make(api)
    assert (made["scope"], made["accounts"], made["expires_at"]) == ("read", None, None)


def test_a_revoked_key_opens_nothing_and_may_be_revoked_again(api: Stack) -> None:
    made = make(api, scope="admin")
    own = bearer(made["key"])
    assert api.get("/v1/accounts", headers=own).status_code == 200
    first = api.call("DELETE", f"/v1/keys/{made['id']}", headers=own).json()
    until(lambda: api.get("/v1/accounts", headers=own).status_code == 401, "a key that opens nothing", seconds=10)
    assert api.call("DELETE", f"/v1/keys/{made['id']}").json()["revoked_at"] == first["revoked_at"] is not None


def test_a_key_opens_nothing_once_it_has_expired(api: Stack) -> None:
    made = make(api, expires_in="PT2S")
    until(lambda: api.get("/v1/accounts", headers=bearer(made["key"])).status_code == 401, "an expired key", seconds=30)


def test_when_a_key_was_last_used_is_written_down(api: Stack) -> None:
    made = make(api)

    def last_used() -> str | None:
        items = api.get("/v1/keys").json()["items"]
        used: str | None = next(each["last_used_at"] for each in items if each["id"] == made["id"])
        return used

    assert last_used() is None
    api.get("/v1/accounts", headers=bearer(made["key"]))
    assert until(last_used, "a use that was noted") >= made["created_at"]


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a", "scope": "root"}, "/scope"),
        ({"name": "a", "accounts": []}, "/accounts"),
        ({"name": "a", "accounts": ["shop-ab", "shop-none"]}, "/accounts/1"),
        ({"name": "a", "expires_in": "P0D"}, "/expires_in"),
        ({"name": "a", "expires_in": 3600}, "/expires_in"),
        ({"name": "a", "expires_in": "90"}, "/expires_in"),
        ({"name": "a", "expires_in": "P99999999D"}, "/expires_in"),
        ({"name": "a", "expires_at": "2030-01-01"}, "/expires_at"),
    ],
)
def test_a_wrong_field_is_named(api: Stack, wanted: dict[str, Any], pointer: str) -> None:
    answer = api.post("/v1/keys", json=wanted)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_key_of_one_account_makes_none_that_is_good_for_more(api: Stack) -> None:
    own = bearer(new_key(Settings(home=api.home), Scope.ADMIN, frozenset({"shop-ab"})))
    made = api.post("/v1/keys", json={"name": "heir"}, headers=own).json()
    assert made["accounts"] == ["shop-ab"]
    refused = api.post("/v1/keys", json={"name": "more", "accounts": ["shop-bwp"]}, headers=own)
    assert (refused.status_code, refused.json()["detail"].count("shop-bwp")) == (422, 1)
    unlimited = make(api)
    assert api.call("DELETE", f"/v1/keys/{unlimited['id']}", headers=own).status_code == 404
    assert unlimited["id"] not in {each["id"] for each in api.get("/v1/keys", headers=own).json()["items"]}


def test_an_expiring_key_makes_none_that_is_good_for_longer(api: Stack) -> None:
    maker = make(api, scope="admin", expires_in="P1D")
    own = bearer(maker["key"])
    heir = api.post("/v1/keys", json={"name": "heir", "scope": "admin"}, headers=own).json()
    assert heir["expires_at"] == maker["expires_at"]
    shorter = api.post("/v1/keys", json={"name": "shorter", "expires_in": "PT1H"}, headers=bearer(heir["key"])).json()
    assert shorter["created_at"] < shorter["expires_at"] < heir["expires_at"]
    refused = api.post("/v1/keys", json={"name": "longer", "expires_in": "P2D"}, headers=own)
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["pointer"]) == (422, "/expires_in")
    assert f"which expires at {maker['expires_at'][:19]}" in error["detail"]


@pytest.mark.parametrize("key_id", ["key_none", "key_%00", "lf_abcdefgh"])
def test_a_key_that_does_not_exist_is_not_found(api: Stack, key_id: str) -> None:
    assert api.call("DELETE", f"/v1/keys/{key_id}").status_code == 404


def written(home: Path) -> dict[str, bytes]:
    """Every file below the home, and the database's rows as text."""
    files = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with sqlite3.connect(home / "landfall.db") as database:
        files["rows"] = "\n".join(database.iterdump()).encode()
    database.close()
    return files


def test_a_key_stands_in_no_log_row_file_answer_or_process_title(api: Stack) -> None:
    made = make(api, name="planted", scope="admin")
    own = bearer(made["key"])
    answers = [
        api.get("/v1/accounts", headers=own),
        api.get("/v1/nothing", headers=own),
        api.get("/v1/keys", headers=own),
        api.post("/v1/exports", content=b"{", headers=own),
        api.post("/v1/exports", json={"account": made["key"], "request": {}}, headers=bearer(api.key)),
        api.get(f"/v1/accounts?api_key={made['key']}", headers=bearer("lf_wrongkey_" + "x" * 43)),
        api.call("DELETE", f"/v1/keys/{made['id']}", headers=own),
    ]
    until(lambda: api.get("/v1/accounts", headers=own).status_code == 401, "a key that opens nothing")
    answers.append(api.get("/v1/accounts", headers=own))
    # Its one echo is a body that was sent with the key in a field, and goes back to whoever sent it.
    told = [answer.text for number, answer in enumerate(answers) if number != 4]
    secret = made["key"].removeprefix(made["prefix"] + "_")
    places = written(api.home) | {"answers": "\n".join(told).encode()}
    for process in api.processes:
        places[f"process {process.pid}"] = " ".join(psutil.Process(process.pid).cmdline()).encode()
    assert {place for place, content in places.items() if secret.encode() in content} == set()
