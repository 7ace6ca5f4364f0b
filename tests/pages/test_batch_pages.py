"""Promises of the pages of batches: how far each has come, and what cancels and retries one."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, update

from landfall.database import tables as t
from landfall.database.keys import Scope
from tests.api.accepting import body
from tests.pages.browsing import Visitor
from tests.pages.planting import entered, part, plant, read, refused, words
from tests.stack import Stack

UNUSED = "shop-ab"
LABELS = {"run": "<b>nightly</b>"}


def make(stack: Stack, count: int, **more: Any) -> str:
    exports = [body(number, force=True) for number in range(count)]
    return str(stack.post("/v1/batches", json={"exports": exports, **more}).raise_for_status().json()["id"])


def of(stack: Stack, batch_id: str) -> list[str]:
    items = stack.get("/v1/exports", params={"batch": batch_id, "limit": 200}).json()["items"]
    return [each["id"] for each in items]


def end(stack: Stack, ids: Iterable[str], state: str) -> None:
    """Have these exports ended in that state."""
    these = list(ids)

    def write(connection: Connection) -> None:
        fault = {"error_code": "report_failed", "error_message": "<i>no</i>", "error_action": "Look."}
        values = {"state": state, "finished_at": t.exports.c.created_at, "due_at": None}
        values |= fault if state == "failed" else {}
        connection.execute(update(t.exports).where(t.exports.c.id.in_(these)).values(**values))

    plant(stack, write)


def row(visitor: Visitor, batch_id: str) -> str:
    """The batch's row in the list."""
    html = part(visitor.get("/batches").text, "batches")
    return words(next(each for each in html.split("<tr>") if f'id="{batch_id}"' in each))


def test_the_list_shows_how_far_each_batch_has_come(operated: Stack, admin: Visitor) -> None:
    batch_id = make(operated, 5, labels=LABELS)
    first, second, third, *_ = of(operated, batch_id)
    end(operated, [first, second], "stored")
    end(operated, [third], "failed")
    seen = row(admin, batch_id)
    assert "run: <b>nightly</b>" in seen
    assert "3 of 5 exports have ended 1 0 under way" in seen
    html = admin.get("/batches").text
    assert "<b>nightly" not in html
    assert f'href="/exports?batch={batch_id}&amp;state=failed"' in html
    # The bar is an image of its own: no style that the policy forbids.
    assert 'width="40.0"' in html
    assert "style=" not in html


def test_a_batch_shows_its_states_failures_and_exports(operated: Stack, admin: Visitor) -> None:
    batch_id = make(operated, 3, labels=LABELS)
    failed, stored, _ = of(operated, batch_id)
    end(operated, [failed], "failed")
    end(operated, [stored], "stored")
    seen = read(admin, f"/batches/{batch_id}")
    for told in (batch_id, "2 of 3", "report_failed <i>no</i>", "All 3", "2026-01-01 to 2026-02-01"):
        assert told in seen
    html = admin.get(f"/batches/{batch_id}").text
    assert "<i>no" not in html
    assert "<b>nightly" not in html
    for state in ("failed", "stored"):
        assert f'href="/exports?batch={batch_id}&amp;state={state}"' in html
    assert 'href="/exports?label=run%3A%3Cb%3Enightly%3C%2Fb%3E"' in html
    for export_id in (failed, stored):
        assert f'href="/exports/{export_id}"' in html


def test_a_longer_list_goes_on_page_by_page(operated: Stack, admin: Visitor) -> None:
    made = [make(operated, 1) for _ in range(31)]
    first = admin.get("/batches").text
    older = next(line for line in first.splitlines() if 'rel="next"' in line).split('href="')[1].split('"')[0]
    second = admin.get(older).text
    assert [f'id="{each}"' in first for each in made] == [False] + [True] * 30
    assert f'id="{made[0]}"' in second
    assert 'href="/batches" rel="first"' in second
    assert admin.get("/batches?cursor=x").status_code == 422


def test_a_batch_is_cancelled_after_its_count_was_shown(operated: Stack, admin: Visitor) -> None:
    batch_id = make(operated, 4)
    stored, *live = of(operated, batch_id)
    end(operated, [stored], "stored")
    asked = read(admin, f"/batches/{batch_id}/cancel")
    assert "Cancel 3 exports?" in asked
    assert {operated.show(each)["state"] for each in live} <= {"queued", "starting"}
    form = {"form_token": admin.form_token(), "counted": "3"}
    sent = admin.send(f"/batches/{batch_id}/cancel", form)
    assert sent.status_code == 303
    assert {operated.show(each)["state"] for each in live} == {"cancelled"}
    told = read(admin, sent.headers["location"])
    assert "3 of 3 exports were cancelled ." in told or "3 of 3 exports were cancelled." in told
    assert "Nothing to cancel" in read(admin, f"/batches/{batch_id}/cancel")


def test_an_export_that_a_batch_only_joined_is_not_counted_to_be_cancelled(operated: Stack, admin: Visitor) -> None:
    operated.ask(number=500, force=False)
    running = operated.ask(number=500).json()["id"]
    joined = {"account": "shop-bwp", "request": operated.show(running)["request"]}
    made = operated.post("/v1/batches", json={"exports": [joined, body(501, force=True)]}).json()["id"]
    assert "Cancel 1 export?" in read(admin, f"/batches/{made}/cancel")
    admin.send(f"/batches/{made}/cancel", {"form_token": admin.form_token(), "counted": "1"})
    assert operated.show(running)["state"] != "cancelled"


@pytest.mark.parametrize("start", ["step", "start"])
def test_what_failed_of_a_batch_is_tried_again(operated: Stack, admin: Visitor, start: str) -> None:
    batch_id = make(operated, 2)
    failed, _ = of(operated, batch_id)
    end(operated, [failed], "failed")
    assert "Retry 1 export?" in read(admin, f"/batches/{batch_id}/retry")
    form = {"form_token": admin.form_token(), "counted": "9", "from": start}
    told = read(admin, admin.send(f"/batches/{batch_id}/retry", form).headers["location"])
    assert "1 of 1 exports are tried again" in told
    assert "It was 9 when you were asked" in told
    assert operated.show(failed)["state"] in {"queued", "starting"}


def test_a_retry_from_nowhere_is_refused_with_the_cure(operated: Stack, admin: Visitor) -> None:
    batch_id = make(operated, 1)
    sent = admin.send(f"/batches/{batch_id}/retry", {"form_token": admin.form_token(), "from": "middle"})
    assert sent.status_code == 422
    assert "choose one of start, step" in words(sent.text)


def test_whoever_only_reads_sees_no_button_and_is_refused(operated: Stack) -> None:
    batch_id = make(operated, 2)
    with entered(operated) as visitor:
        html = part(visitor.get(f"/batches/{batch_id}").text, "main")
        assert "/cancel" not in html
        assert "<form" not in html
        assert visitor.get(f"/batches/{batch_id}/cancel").status_code == 403
        token = {"form_token": visitor.form_token(), "from": "step"}
        for act in ("cancel", "retry"):
            assert visitor.send(f"/batches/{batch_id}/{act}", token).status_code == 403


def test_a_form_that_came_from_elsewhere_cancels_nothing(operated: Stack, admin: Visitor) -> None:
    batch_id = make(operated, 1)
    assert refused(admin, f"/batches/{batch_id}/cancel") == [403, 403, 403]
    assert refused(admin, f"/batches/{batch_id}/retry") == [403, 403, 403]
    assert {operated.show(each)["state"] for each in of(operated, batch_id)} <= {"queued", "starting"}


def test_a_limited_key_sees_no_batch_of_others_and_an_empty_list_that_says_what_would_stand_there(
    operated: Stack,
) -> None:
    batch_id = make(operated, 1)
    with entered(operated, Scope.WRITE, UNUSED) as visitor:
        assert "No batches yet" in read(visitor, "/batches")
        assert "<code>landfall batch</code>" in visitor.get("/batches").text
        for path in ("", "/cancel", "/retry"):
            assert visitor.get(f"/batches/{batch_id}{path}").status_code == 404
        token = {"form_token": visitor.form_token(), "from": "step"}
        assert visitor.send(f"/batches/{batch_id}/cancel", token).status_code == 404


def test_a_batch_that_does_not_exist_is_a_page_that_says_so(admin: Visitor) -> None:
    answer = admin.get("/batches/bat_none")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no batch 'bat_none'." in words(answer.text)
