"""Checks the page of one export: what it tells, what it lets be done, and to whom."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from landfall.database import artifacts, ledger
from landfall.database.keys import Scope
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from tests import planted_files
from tests.database.counted import move
from tests.pages.browsing import Visitor
from tests.pages.desk import logged_in, plant, query_of, send, text_of
from tests.planted_files import CONTENT, transaction
from tests.stack import Stack

HTML = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def writer(front: Stack) -> Iterator[Visitor]:
    with logged_in(front) as visitor:
        yield visitor


def test_a_queued_export_tells_why_it_waits_and_can_be_moved_or_cancelled(front: Stack, writer: Visitor) -> None:
    holding = [front.submit(number=number, labels={"page": "queue"}) for number in range(200, 206)]
    export_id = holding[-1]
    answer = writer.get(f"/exports/{export_id}")
    text = text_of(answer)
    assert "queued" in text
    assert "Why it stands here" in text
    assert "in the queue of account shop-bwp" in text
    assert f'data-stream="/live?export={export_id}"' in answer.text
    # Whoever came first has the slots: exports of other tests, perhaps.
    holders = re.findall(r'href="/exports/(exp_\w+)" title="\1"', answer.text)
    assert {front.show(each)["state"] for each in holders} == {"starting"}
    moved = send(writer, f"/exports/{export_id}/priority", {"priority": "7"})
    assert (moved.status_code, moved.headers["location"]) == (303, f"/exports/{export_id}?notice=moved")
    assert front.show(export_id)["priority"] == 7
    assert "Its priority is 7." in text_of(writer.get(moved.headers["location"]))
    for wrong in ("", "high", "1001", "1.5"):
        refused = send(writer, f"/exports/{export_id}/priority", {"priority": wrong})
        assert refused.status_code == 422
        assert "write a whole number from -1000 to 1000" in text_of(refused)
    cancelled = send(writer, f"/exports/{export_id}/cancel")
    assert query_of(cancelled) == {"notice": "cancelled"}
    ended = writer.get(cancelled.headers["location"])
    assert "It is cancelled." in text_of(ended)
    assert "data-stream" not in ended.text
    assert "data-ended" in ended.text


def test_a_failed_export_tells_the_cure_and_is_tried_again_from_its_step(front: Stack, writer: Visitor) -> None:
    export_id = plant(front, "exp_failed_page").id
    answer = writer.get(f"/exports/{export_id}")
    text = text_of(answer)
    assert "Failed in its download: report_failed the vendor could not build it" in text
    assert "Submit a smaller range." in text
    assert "Retry the download" in text
    assert "Retry from the start" in text
    assert 'action="/exports/exp_failed_page/cancel"' not in answer.text
    retried = send(writer, f"/exports/{export_id}/retry", {"from": "step"})
    assert query_of(retried) == {"notice": "retried"}
    assert front.show(export_id)["state"] == "ready"
    assert "It is tried again." in text_of(writer.get(retried.headers["location"]))


def test_a_retry_from_the_start_orders_a_new_report(front: Stack, writer: Visitor) -> None:
    export_id = plant(front, "exp_from_start").id
    send(writer, f"/exports/{export_id}/retry", {"from": "start"})
    assert front.show(export_id)["generation"] == 2
    assert send(writer, f"/exports/{export_id}/retry", {"from": "elsewhere"}).status_code == 422


def test_what_its_state_does_not_allow_is_told(front: Stack, writer: Visitor) -> None:
    stored = planted_files.plant(front.home, "exp_stored_page").id
    for action, fields in (("retry", {"from": "step"}), ("cancel", {}), ("priority", {"priority": "1"})):
        answer = send(writer, f"/exports/{stored}/{action}", fields)
        assert answer.status_code == 409
        assert "stored" in text_of(answer)


def test_a_stored_export_shows_its_file_and_the_first_rows(front: Stack, writer: Visitor) -> None:
    export_id = planted_files.plant(front.home, "exp_file_page", labels={"note": HTML}).id
    answer = writer.get(f"/exports/{export_id}")
    text = text_of(answer)
    assert hashlib.sha256(CONTENT).hexdigest() in text
    assert f"{len(CONTENT)} bytes as stored" in text
    assert "The first 3 of 3 rows" in text
    assert "two lines" in text
    assert "<td>é</td>" in answer.text
    assert f'href="/exports/{export_id}/file"' in answer.text
    assert HTML not in answer.text
    assert "note:&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


def test_the_download_is_the_file_of_the_api(front: Stack, writer: Visitor) -> None:
    export_id = planted_files.plant(front.home, "exp_download_page").id
    mine = writer.get(f"/exports/{export_id}/file")
    theirs = front.get(f"/v1/exports/{export_id}/file")
    assert mine.content == theirs.content == CONTENT
    for name in ("etag", "content-type", "content-disposition", "content-length"):
        assert mine.headers[name] == theirs.headers[name]
    part = writer.get(f"/exports/{export_id}/file", headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, CONTENT[:2])
    missing = writer.get(f"/exports/{plant(front, 'exp_no_file').id}/file")
    assert missing.status_code == 409
    assert "its file is there once it is stored" in text_of(missing)


def test_html_in_a_request_and_in_a_csv_is_text(front: Stack, writer: Visitor) -> None:
    request = {"report_type": "USER_EVENTS", "filters": {"a": HTML}}
    content = f"id,{HTML}\n1,{HTML}\n".encode()
    export_id = planted_files.plant(front.home, "exp_html_page", content, request=request).id
    answer = writer.get(f"/exports/{export_id}")
    assert HTML not in answer.text
    assert answer.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_a_file_that_is_gone_or_removed_is_told_and_the_page_stands(front: Stack, writer: Visitor) -> None:
    gone = planted_files.plant(front.home, "exp_gone_page")
    planted_files.file_of(gone).unlink()
    answer = writer.get(f"/exports/{gone.id}")
    assert answer.status_code == 200
    assert "The file is no longer in the store" in text_of(answer)
    removed = planted_files.plant(front.home, "exp_removed_page").id
    with transaction(front.home) as connection:
        artifacts.mark_removed(connection, removed, "kept for 1 day")
    text = text_of(writer.get(f"/exports/{removed}"))
    assert "Retention removed the file" in text
    assert "Download" not in text
    assert "pruned" in text


def test_an_archived_export_is_shown_and_cannot_be_retried(front: Stack, writer: Visitor) -> None:
    export_id = plant(front, "exp_archived_page", State.CANCELLED).id
    with transaction(front.home) as connection:
        assert move(connection, [export_id]) == 1
    answer = writer.get(f"/exports/{export_id}")
    assert answer.status_code == 200
    assert "archived" in text_of(answer)
    assert 'action="/exports/exp_archived_page/retry"' not in answer.text
    assert send(writer, f"/exports/{export_id}/retry", {"from": "step"}).status_code == 409


def test_a_long_timeline_is_read_page_by_page(front: Stack, writer: Visitor) -> None:
    job = plant(front, "exp_long_page", State.CANCELLED)
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with transaction(front.home) as connection:
        for number in range(450):
            event = Event("wait", Step.POLL, 0, note=f"poll number {number}.")
            ledger.note(connection, job, event, at=start + timedelta(seconds=number))
    address, seen = f"/exports/{job.id}", []
    for _ in range(3):
        answer = writer.get(address)
        seen += [number for number in range(450) if f"poll number {number}." in answer.text]
        address = answer.text.rpartition(' rel="next"')[0].rpartition('href="')[2].partition("#")[0]
    assert seen == list(range(450))


def test_facts_link_to_what_they_name_and_keep_the_path_of_a_callback(front: Stack, writer: Visitor) -> None:
    made = front.post(
        "/v1/batches",
        json={
            "exports": [
                {
                    "account": "shop-bwp",
                    "request": {"report_type": "USER_EVENTS"},
                    "force": True,
                    "labels": {"a": "b c"},
                }
            ]
        },
    ).json()
    with transaction(front.home) as connection:
        connection.exec_driver_sql("UPDATE exports SET callback_url = 'https://hooks.example/secret/path?x=y'")
    (export_id,) = [item["id"] for item in front.get(f"/v1/exports?batch={made['id']}").json()["items"]]
    answer = writer.get(f"/exports/{export_id}")
    assert f'href="/batches/{made["id"]}"' in answer.text
    assert 'href="/exports?label=a%3Ab+c"' in answer.text
    assert "https://hooks.example" in answer.text
    assert "secret/path" not in answer.text


def test_a_read_only_key_sees_no_form_and_is_refused(front: Stack) -> None:
    export_id = plant(front, "exp_read_only").id
    with logged_in(front, Scope.READ) as reader:
        answer = reader.get(f"/exports/{export_id}")
        assert answer.status_code == 200
        assert "method=" not in answer.text.partition("<main")[2]
        for action in ("cancel", "retry", "priority"):
            refused = send(reader, f"/exports/{export_id}/{action}", {"from": "step", "priority": "1"})
            assert refused.status_code == 403
    assert front.show(export_id)["state"] == "failed"


def test_a_limited_key_finds_no_export_of_others(front: Stack) -> None:
    export_id = plant(front, "exp_of_others").id
    with logged_in(front, accounts=frozenset({"shop-ab"})) as visitor:
        for path in (f"/exports/{export_id}", f"/exports/{export_id}/file", "/exports/exp_nothing"):
            assert visitor.get(path).status_code == 404
        for action in ("cancel", "retry"):
            assert send(visitor, f"/exports/{export_id}/{action}", {"from": "step"}).status_code == 404


def test_a_form_without_the_session_s_token_is_refused(front: Stack, writer: Visitor) -> None:
    export_id = plant(front, "exp_no_token").id
    for action in ("cancel", "retry", "priority"):
        assert writer.send(f"/exports/{export_id}/{action}", {"from": "step", "priority": "1"}).status_code == 403
    assert front.show(export_id)["state"] == "failed"
