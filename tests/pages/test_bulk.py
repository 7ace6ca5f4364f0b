"""Checks that many exports are cancelled or retried only after their number was shown, and that what was done is told."""

from collections.abc import Iterator

import pytest

from landfall.database.keys import Scope
from landfall.exports.states import State
from tests.pages.browsing import Visitor
from tests.pages.desk import logged_in, plant, query_of, send, text_of
from tests.stack import Stack


@pytest.fixture(scope="module")
def writer(front: Stack) -> Iterator[Visitor]:
    with logged_in(front) as visitor:
        yield visitor


def states(front: Stack, ids: list[str]) -> list[str]:
    return [front.show(each)["state"] for each in ids]


def test_a_cancel_shows_the_count_by_state_and_changes_nothing_yet(front: Stack, writer: Visitor) -> None:
    ids = [front.submit(number=number, labels={"ask": "first"}) for number in range(100, 107)]
    before = states(front, ids)
    answer = writer.get("/exports/cancel?label=ask:first")
    text = text_of(answer)
    assert "Exports with label ask:first that have not ended." in text
    assert f"queued {before.count('queued')} are cancelled" in text
    assert f"starting {before.count('starting')} are cancelled" in text
    assert "Cancel 7 exports" in text
    assert "can differ from what was counted" in text
    assert states(front, ids) == before


def test_what_was_confirmed_is_cancelled_and_told(front: Stack, writer: Visitor) -> None:
    ids = [front.submit(number=number, labels={"do": "it"}) for number in range(110, 113)]
    other = front.submit(number=113, labels={"do": "not"})
    answer = send(writer, "/exports/cancel", {"label": "do:it", "counted": "4"})
    assert answer.status_code == 303
    assert query_of(answer) == {"label": "do:it", "done": "cancel", "counted": "4", "matched": "3", "changed": "3"}
    assert states(front, ids) == ["cancelled"] * 3
    assert front.show(other)["state"] != "cancelled"
    told = text_of(writer.get(answer.headers["location"]))
    assert "3 matched, 3 were cancelled." in told
    assert "4 were counted before; exports moved on meanwhile." in told
    assert front.events(ids[0])[-1]["note"] == "by key test"


def test_those_that_cannot_be_cancelled_are_counted_apart(front: Stack, writer: Visitor) -> None:
    plant(front, "exp_apart1", State.FAILED, labels={"apart": "yes"})
    front.submit(number=120, labels={"apart": "yes"})
    query = "label=apart:yes&state=failed&state=queued&state=starting"
    text = text_of(writer.get(f"/exports/cancel?{query}"))
    assert "failed 1 stay as they are" in text
    assert "Cancel 1 export " in text
    answer = writer.get("/exports/cancel?label=apart:yes&state=failed")
    assert "There is nothing to do" in text_of(answer)
    assert 'action="/exports/cancel"' not in answer.text
    sent = send(writer, "/exports/cancel", {"label": "apart:yes", "state": "failed"})
    assert query_of(sent)["matched"] == "0"


def test_many_are_tried_again_from_where_it_was_chosen(front: Stack, writer: Visitor) -> None:
    ids = [plant(front, f"exp_again{number}", State.FAILED, labels={"again": "yes"}).id for number in range(2)]
    text = text_of(writer.get("/exports/retry?label=again:yes"))
    assert "Exports with label again:yes that have failed." in text
    assert "failed 2 are tried again" in text
    answer = send(writer, "/exports/retry", {"label": "again:yes", "from": "step", "counted": "2"})
    assert query_of(answer)["changed"] == "2"
    assert states(front, ids) == ["ready", "ready"]
    assert "2 were tried again" in text_of(writer.get(answer.headers["location"]))
    more = plant(front, "exp_again_more", State.FAILED, labels={"anew": "yes"}).id
    send(writer, "/exports/retry", {"label": "anew:yes", "from": "start", "counted": "1"})
    assert front.show(more)["state"] in {"queued", "starting"}
    assert send(writer, "/exports/retry", {"label": "again:yes", "from": "nowhere"}).status_code == 422


def test_without_a_filter_nothing_happens_until_it_is_said_in_words(front: Stack) -> None:
    export_id = plant(front, "exp_every", State.FAILED, account="shop-ab", vendor="intelligems").id
    with logged_in(front, accounts=frozenset({"shop-ab"})) as visitor:
        asked = visitor.get("/exports/retry")
        assert "I mean all exports of the accounts of your key: shop-ab." in text_of(asked)
        refused = send(visitor, "/exports/retry", {"from": "step"})
        assert refused.status_code == 422
        assert "tick that you mean all exports" in text_of(refused)
        assert front.show(export_id)["state"] == "failed"
        assert send(visitor, "/exports/retry", {"from": "step", "all": "yes"}).status_code == 303
        assert front.show(export_id)["state"] == "ready"


def test_an_unlimited_key_is_told_that_it_means_all_accounts(writer: Visitor) -> None:
    answer = writer.get("/exports/cancel")
    assert "of all accounts that have not ended" in text_of(answer)
    if 'action="/exports/cancel"' in answer.text:
        assert "I mean all exports of all accounts." in text_of(answer)


def test_a_limited_key_changes_its_own_accounts_alone(front: Stack) -> None:
    ours = plant(front, "exp_ours", State.FAILED, account="shop-ab", vendor="intelligems", labels={"limited": "yes"}).id
    theirs = plant(front, "exp_theirs", State.FAILED, labels={"limited": "yes"}).id
    with logged_in(front, accounts=frozenset({"shop-ab"})) as visitor:
        assert "failed 1 are tried again" in text_of(visitor.get("/exports/retry?label=limited:yes"))
        send(visitor, "/exports/retry", {"label": "limited:yes", "from": "step"})
        send(visitor, "/exports/retry", {"label": "limited:yes", "account": "shop-bwp", "from": "step"})
    assert states(front, [ours, theirs]) == ["ready", "failed"]


def test_a_wrong_filter_leads_back_to_its_field_and_does_nothing(writer: Visitor) -> None:
    asked = writer.get("/exports/cancel?since=yesterday")
    assert (asked.status_code, asked.headers["location"]) == (303, "/exports?since=yesterday")
    sent = send(writer, "/exports/cancel", {"since": "yesterday"})
    assert sent.status_code == 422
    assert "write a date" in text_of(sent)


@pytest.mark.parametrize("done", ["cancel", "retry"])
def test_a_read_only_key_is_refused(front: Stack, done: str) -> None:
    export_id = plant(front, f"exp_closed_{done}", State.FAILED, labels={"closed": done}).id
    with logged_in(front, Scope.READ) as reader:
        asked = reader.get(f"/exports/{done}?label=closed:{done}")
        assert asked.status_code == 403
        assert "needs a key of scope write" in text_of(asked)
        assert send(reader, f"/exports/{done}", {"label": f"closed:{done}"}).status_code == 403
    assert front.show(export_id)["state"] == "failed"


def test_a_form_of_somebody_else_is_refused(front: Stack, writer: Visitor) -> None:
    export_id = plant(front, "exp_foreign", State.FAILED, labels={"foreign": "yes"}).id
    with logged_in(front) as other:
        token = other.form_token()
    for fields in ({}, {"form_token": token}, {"form_token": ""}):
        answer = writer.send("/exports/retry", {"label": "foreign:yes", "from": "step", **fields})
        assert answer.status_code == 403
    assert front.show(export_id)["state"] == "failed"


def test_a_bearer_key_sends_no_form(front: Stack) -> None:
    assert front.post("/exports/retry", data={"label": "none:none", "from": "step"}).status_code == 403
