"""Promises of Landfall, the client that waits, against a real API, worker and sandbox."""

import csv
import hashlib
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from landfall_client import (
    Conflict,
    ExportCancelled,
    ExportFailed,
    Forbidden,
    Invalid,
    Landfall,
    NotFound,
    NotStored,
    Unauthenticated,
    Unreachable,
    WaitTimeout,
)
from tests.client.asked import events, orders
from tests.free_port import free_port
from tests.stack import Stack, new_key


def test_an_export_is_asked_for_awaited_and_saved_proven(client: Landfall, tmp_path: Path) -> None:
    export = client.submit("shop-ab", orders(), labels={"team": "growth"}, priority=5)
    assert (export.account, export.labels, export.priority) == ("shop-ab", {"team": "growth"}, 5)
    stored = export.wait(timeout=60)
    assert stored.file
    path = stored.save(tmp_path / "orders.csv")
    assert path == tmp_path / "orders.csv"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == stored.file.sha256
    assert [each.name for each in tmp_path.iterdir()] == ["orders.csv"]
    assert export.file is None  # as it was read


def test_fields_may_be_given_by_name(client: Landfall) -> None:
    asked = events()
    export = client.submit("shop-bwp", asked | {"end": "2020-01-01"}, end=asked["end"], deadline=timedelta(hours=3))
    assert export.request["end"] == asked["end"]
    assert client.submit("shop-bwp", **asked) == export


def test_dates_are_fields_too(client: Landfall) -> None:
    asked = orders()
    export = client.submit("shop-ab", asked, start=date(2026, 1, 1), end=datetime(2026, 1, 3, tzinfo=UTC))
    assert export.request["start"].startswith("2026-01-01T00:00:00")


def test_rows_are_dicts_and_lists_and_bytes_and_a_file(client: Landfall, tmp_path: Path) -> None:
    export = client.submit("shop-bwp", events()).wait(timeout=60)
    assert export.file
    content = export.save(tmp_path).read_bytes()
    expected = list(csv.reader(content.decode().splitlines(keepends=True)))
    assert list(export.lists()) == expected
    rows = list(export.rows())
    assert [list(row.values()) for row in rows] == expected[1:]
    assert len(rows) == export.file.rows
    assert tuple(rows[0]) == export.file.columns
    assert b"".join(export.chunks()) == content
    with export.open() as file:
        assert file.read() == content


def test_who_stops_reading_rows_lets_go_of_the_connection(client: Landfall) -> None:
    export = client.submit("shop-bwp", events()).wait(timeout=60)
    for _ in range(150):  # more than the pool has connections
        next(iter(export.rows()))


def test_a_cancelled_export_says_so_wherever_its_file_is_asked_for(client: Landfall) -> None:
    export = client.submit("shop-bwp", events(), idempotency_key="to-be-cancelled")
    client.pause("shop-bwp")
    try:
        waiting = client.submit("shop-bwp", events())
        with pytest.raises(WaitTimeout, match=r"had not ended after 0\.2 s; it goes on"):
            waiting.wait(timeout=0.2)
        with pytest.raises(NotStored, match="is queued; its file is there once it is stored"):
            waiting.save()
        cancelled = waiting.cancel()
        assert client.accounts()[1].paused_by == "test"
        with pytest.raises(ExportCancelled) as caught:
            cancelled.wait()
        assert (caught.value.code, caught.value.export) == ("cancelled", waiting)
        with pytest.raises(ExportCancelled):
            next(iter(cancelled.rows()))
        assert pickle.loads(pickle.dumps(caught.value)).export.state == "cancelled"  # noqa: S301 - our own
        assert waiting.retry().state == "queued"
        with pytest.raises(Conflict):
            waiting.retry()
        assert waiting.refresh().prioritise(7).priority == 7
    finally:
        client.resume("shop-bwp")
    assert [each.state for each in client.wait_all([export, waiting], timeout=60)] == ["stored", "stored"]


def test_a_failed_export_tells_code_message_and_action(client: Landfall, house: Stack) -> None:
    house.sandbox.fault("report_failed", count=10)
    try:
        export = client.submit("shop-bwp", events())
        with pytest.raises(ExportFailed) as caught:
            export.wait(timeout=60)
    finally:
        house.sandbox.reset()
    failed = caught.value
    assert failed.code
    assert failed.message
    assert failed.action
    assert str(failed).startswith(f"export {export.id} failed: {failed.code}: ")


def test_what_is_refused_names_the_field(client: Landfall) -> None:
    with pytest.raises(Invalid) as caught:
        client.submit("shop-ab", experience_id="no", export_type="orders")
    assert caught.value.status == 422
    assert caught.value.errors[0]["pointer"] == "/request/experience_id"
    assert "experience_id" in str(caught.value)
    assert caught.value.request_id.startswith("req_")
    assert pickle.loads(pickle.dumps(caught.value)).errors == caught.value.errors  # noqa: S301 - our own


def test_what_is_not_there_or_not_allowed_has_an_error_of_its_own(client: Landfall, house: Stack) -> None:
    with pytest.raises(NotFound, match="exp_none"):
        client.export("exp_none")
    with pytest.raises(ValueError, match="it is empty"):
        client.export("")
    reader = new_key(Settings(home=house.home), Scope.READ)
    with Landfall(house.url, reader) as reading, pytest.raises(Forbidden, match="write"):
        reading.submit("shop-bwp", events())
    with Landfall(house.url, "lf_wrong") as wrong, pytest.raises(Unauthenticated):
        wrong.accounts()
    with Landfall(house.url, "") as nobody, pytest.raises(Unauthenticated, match="give key=, or set LANDFALL_API_KEY"):
        nobody.accounts()


def test_nobody_there_is_said_once_patience_is_over() -> None:
    named = "start it with `landfall up` or name it with url= or LANDFALL_URL"
    with (
        Landfall(f"http://127.0.0.1:{free_port()}", "", patience=0.3) as client,
        pytest.raises(Unreachable, match=named),
    ):
        client.accounts()


def test_events_tell_an_export_from_its_first_moment_to_its_end(client: Landfall) -> None:
    export = client.submit("shop-bwp", events())
    told = list(export.events())
    assert (told[0].kind, told[0].state, told[0].export_id) == ("accept", "queued", export.id)
    assert told[-1].state == "stored"
    assert "stored" in str(export.explain())


def test_a_batch_of_windows_is_awaited_and_its_exports_listed(client: Landfall) -> None:
    batch = client.submit_windows(
        "shop-bwp", report_type="USER_EVENTS", begin="2025-01-01", end="2025-01-04", window=timedelta(days=1)
    )
    assert (batch.requested, batch.total) == (3, 3)
    ended = batch.wait(timeout=60)
    assert ended.by_state == {"stored": 3}
    assert [export.state for export in ended.exports()] == ["stored"] * 3
    assert client.batch(batch.id).finished_at
    assert batch in list(client.batches(limit=5))


def test_a_list_of_exports_is_asked_for_at_once(client: Landfall) -> None:
    batch = client.submit_many([{"account": "shop-ab", "request": orders()} for _ in range(3)], labels={"n": "1"})
    assert {export.labels["n"] for export in batch.exports()} == {"1"}


def test_an_export_of_a_list_takes_what_one_alone_takes(client: Landfall) -> None:
    asked = events()
    each = {"account": "shop-bwp", "request": asked}
    stored = client.submit("shop-bwp", asked).wait(timeout=60)
    other = {"account": "shop-ab", "request": orders(), "deadline": timedelta(hours=2)}
    assert stored in list(client.submit_many([each | {"reuse": True}, other]).exports())
    assert client.submit_many([each | {"reuse": False, "force": True}]).total == 1


def test_threads_may_share_a_client(client: Landfall) -> None:
    asked = events()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: client.submit("shop-bwp", asked), range(32)))
    assert len(set(found)) == 1


@pytest.mark.slow
def test_two_hundred_exports_cost_a_look_each_once_they_have_ended(client: Landfall, house: Stack) -> None:
    batch = client.submit_many([{"account": "shop-ab", "request": orders()} for _ in range(210)], labels={"all": "210"})
    exports = list(client.exports(labels={"all": "210"}))
    assert len(exports) == 210
    assert len(list(itertools.islice(client.exports(labels={"all": "210"}), 5))) == 5
    assert len(list(client.exports(labels={"all": "210"}, limit=203))) == 203
    ended = client.wait_all(exports, timeout=200)
    assert [export.id for export in ended] == [export.id for export in exports]
    assert {export.state for export in ended} == {"stored"}
    assert batch.refresh().total == 210
    looks = house.log("api").count('"path":"/v1/exports/{export_id}"')
    assert looks < 3 * 210, looks


def test_as_completed_gives_each_once_and_what_has_ended_first(client: Landfall) -> None:
    first = client.submit("shop-bwp", events()).wait(timeout=60)
    second = client.submit("shop-bwp", events())
    given = list(client.as_completed([second, first, second], timeout=60))
    assert given == [first, second]


def test_any_call_can_be_made(client: Landfall, house: Stack) -> None:
    answer = client.call("GET", "/v1/exports", query={"limit": 1})
    assert len(answer.body["items"]) == 1
    assert answer.text == house.get("/v1/exports", params={"limit": 1}).text
