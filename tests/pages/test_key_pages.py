"""Promises of the pages of keys: who sees which, how one is made and shown once, and what revokes one."""

import re
import sqlite3
from datetime import timedelta

import httpx
import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.pages.browsing import Visitor
from tests.pages.planting import entered, part, read, refused, words
from tests.stack import Stack, new_key, until

_KEY = re.compile(r"lf_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
UNUSED = "shop-ab"


def make(visitor: Visitor, **fields: object) -> httpx.Response:
    given = {"form_token": visitor.form_token(), "name": "made", "scope": "read", "days": "", **fields}
    return visitor.send("/keys", given)


def shown(answer: httpx.Response) -> str:
    """The key that a page shows, and shows once."""
    assert answer.status_code == 201, answer.text
    (key,) = _KEY.findall(answer.text)
    return str(key)


def listed(stack: Stack, key: str) -> dict[str, object]:
    made = stack.get("/v1/keys").json()["items"]
    return dict(next(each for each in made if key.startswith(each["prefix"])))


def test_a_new_key_is_good_and_stands_on_one_page_alone(operated: Stack, admin: Visitor) -> None:
    answer = make(admin, name="<b>ware</b>", scope="write", days="30", accounts=[UNUSED, "north"])
    key = shown(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers
    assert "<b>ware" not in answer.text
    found = listed(operated, key)
    assert (found["name"], found["scope"], found["accounts"]) == ("<b>ware</b>", "write", ["north", UNUSED])
    assert "in 30 d" in read(admin, "/keys") or "in 29 d 23 h" in read(admin, "/keys")
    secret = key.split("_", 2)[2]
    assert secret not in admin.get("/keys").text
    assert secret not in operated.log("api")
    with sqlite3.connect(operated.home / "landfall.db") as database:
        assert secret not in "\n".join(database.iterdump())
    database.close()
    with Visitor(operated) as visitor:
        assert visitor.log_in(key).status_code == 303
        assert "/keys" not in visitor.get("/").text


@pytest.mark.parametrize(
    ("fields", "name", "told"),
    [
        ({"name": ""}, "name", "Write a name of 1 to 100 characters"),
        ({"name": "a\nb"}, "name", "on one line"),
        ({"scope": "root"}, "scope", "'read', 'write' or 'admin'."),
        ({"days": "soon"}, "expires_in", "Write a whole number of days"),
        ({"days": "0"}, "expires_in", "whole number of days"),
        ({"days": "9" * 5000}, "expires_in", "whole number of days"),
        ({"accounts": ["shop-none"]}, "accounts", "There is no account 'shop-none'"),
    ],
)
def test_a_wrong_field_is_named_beside_it_and_the_others_are_kept(
    operated: Stack, admin: Visitor, fields: dict[str, object], name: str, told: str
) -> None:
    before = len(operated.get("/v1/keys").json()["items"])
    answer = make(admin, **{"name": "kept <i>", "scope": "write", "accounts": [UNUSED], **fields})
    assert answer.status_code == 422
    assert told in words(part(answer.text, f"wrong-{name}"))
    assert not _KEY.search(answer.text)
    if "name" not in fields:
        assert 'value="kept &lt;i&gt;"' in answer.text
    if "accounts" not in fields:
        assert f'value="{UNUSED}" checked' in answer.text
    assert len(operated.get("/v1/keys").json()["items"]) == before


def test_a_key_that_would_outlive_its_maker_is_refused_beside_its_field(operated: Stack) -> None:
    with Visitor(operated) as visitor:
        visitor.log_in(new_key(Settings(home=operated.home), Scope.ADMIN, expires_in=timedelta(days=2)))
        assert "Empty: with yours, at 20" in read(visitor, "/keys")
        assert "would outlive yours" in words(part(make(visitor, days="3").text, "wrong-expires_in"))
        assert listed(operated, shown(make(visitor)))["expires_at"] is not None


def test_a_key_is_revoked_after_a_question(operated: Stack, admin: Visitor) -> None:
    key = shown(make(admin, name="<i>doomed"))
    key_id = listed(operated, key)["id"]
    asked = admin.get(f"/keys/{key_id}/revoke")
    assert "Revoke the key <i>doomed?" in words(asked.text)
    assert "<i>doomed" not in asked.text
    assert "You are logged in with this key" not in asked.text
    assert listed(operated, key)["revoked_at"] is None
    sent = admin.send(f"/keys/{key_id}/revoke", {"form_token": admin.form_token()})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/keys?revoked={key_id}")
    assert "The key <i>doomed" in read(admin, sent.headers["location"])
    assert listed(operated, key)["revoked_at"] is not None
    assert "is revoked already" in read(admin, f"/keys/{key_id}/revoke")
    own = {"authorization": f"Bearer {key}"}
    until(lambda: operated.get("/v1/accounts", headers=own).status_code == 401, "a key that opens nothing")


def test_whoever_revokes_their_own_key_is_warned_and_logged_out(operated: Stack) -> None:
    with entered(operated, Scope.ADMIN) as visitor:
        own = next(each for each in part(visitor.get("/keys").text, "main").split("<tr>") if "yours" in each)
        path = re.findall(r"/keys/key_[0-9a-f]+/revoke", own)[0]
        assert "You are logged in with this key." in read(visitor, path)
        sent = visitor.send(path, {"form_token": visitor.form_token()})
        assert (sent.status_code, sent.headers["location"]) == (303, "/login")
        assert not visitor.client.cookies


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_only_an_admin_sees_keys(operated: Stack, scope: Scope) -> None:
    with entered(operated, scope) as visitor:
        answer = visitor.get("/keys")
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "This needs a key of scope admin" in words(answer.text)
        assert 'href="/keys"' not in visitor.get("/").text
        assert make(visitor).status_code == 403


def test_whoever_looks_on_with_a_key_of_the_api_sees_no_form(operated: Stack) -> None:
    looking = {"authorization": f"Bearer {operated.key}", "accept": "text/html"}
    assert 'method="post"' not in operated.get("/keys", headers=looking).text
    key_id = operated.get("/v1/keys").json()["items"][0]["id"]
    assert 'method="post"' not in operated.get(f"/keys/{key_id}/revoke", headers=looking).text


def test_a_limited_admin_sees_and_makes_keys_within_its_accounts_alone(operated: Stack, admin: Visitor) -> None:
    mine = shown(make(admin, name="everything"))
    with entered(operated, Scope.ADMIN, UNUSED) as visitor:
        html = visitor.get("/keys").text
        assert mine[:11] not in html
        assert 'value="north"' not in html
        assert visitor.get(f"/keys/{listed(operated, mine)['id']}/revoke").status_code == 404
        assert listed(operated, shown(make(visitor)))["accounts"] == [UNUSED]
        assert "There is no account 'north'" in make(visitor, accounts=["north"]).text.replace("&#39;", "'")


def test_a_form_that_came_from_elsewhere_makes_and_revokes_nothing(operated: Stack, admin: Visitor) -> None:
    before = operated.get("/v1/keys").json()["items"]
    assert refused(admin, "/keys") == [403, 403, 403]
    assert refused(admin, f"/keys/{before[0]['id']}/revoke") == [403, 403, 403]
    after = operated.get("/v1/keys").json()["items"]
    assert [(each["id"], each["revoked_at"]) for each in after] == [(each["id"], each["revoked_at"]) for each in before]
