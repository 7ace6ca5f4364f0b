"""Promises of live events: nothing is lost, nothing comes twice, whatever is killed, restarted or away in between."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from landfall.database import ledger
from landfall.database.migrate import migrate
from landfall.database.opening import open_database
from landfall.exports.settling import Event
from landfall.settings import Settings
from tests.api.conftest import NOWHERE
from tests.api.listening import Stream, listening
from tests.asynchronous import run
from tests.exports.jobs import NOON, make_job
from tests.services.postgres import NoPostgresError, running_postgres
from tests.stack import Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox

VENDORS = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
_WRITERS, _EVENTS = 3, 40


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """An API of the test's own, on either database."""
    settings = {}
    if request.param == "postgres":
        settings["LANDFALL_DATABASE_URL"] = str(request.getfixturevalue("postgres_url"))
    with run_stack(tmp_path / "home", VENDORS, settings=settings) as stack:
        stack.start_api()
        yield stack


def settings_of(stack: Stack) -> Settings:
    return Settings(home=stack.home, database_url=stack.settings.get("LANDFALL_DATABASE_URL", ""))


def write_events(stack: Stack, export_id: str, first: int, count: int) -> None:
    """Write so many waits into the export's timeline, each in a transaction of its own."""

    async def write() -> None:
        job = make_job(id=export_id)
        async with open_database(settings_of(stack), for_steps=True) as database:
            for number in range(first, first + count):
                event = Event("wait", None, number)
                await database.write(lambda connection, event=event: ledger.note(connection, job, event, at=NOON))  # type: ignore[misc]  # mypy does not infer a lambda with a default

    run(write())


def take(stream: Stream, count: int) -> list[dict[str, Any]]:
    found = []
    for name, data in stream.events():
        assert name == "message"
        found.append(data)
        if len(found) == count:
            break
    return found


def test_a_stream_of_an_export_tells_what_was_what_comes_and_its_end(place: Stack) -> None:
    export_id = place.submit()
    with listening(place, f"/v1/exports/{export_id}/events") as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert [event["kind"] for event in take(stream, 2)] == ["accept", "admit"]
        assert place.post(f"/v1/exports/{export_id}/cancel").status_code == 200
        name, data = stream.next()
        assert (name, data["kind"], data["export_id"]) == ("message", "cancel", export_id)
        assert stream.next() == ("end", {"state": "cancelled"})
        assert list(stream.events()) == []
    with listening(place, f"/v1/exports/{export_id}/events", last=str(data["id"])) as again:
        assert again.next() == ("end", {"state": "cancelled"})
    assert [event["id"] for event in place.events(export_id)][-1] == data["id"]


def test_a_stream_goes_on_for_an_export_that_is_taken_up_again(place: Stack) -> None:
    export_id = place.submit()
    place.post(f"/v1/exports/{export_id}/cancel")
    last = place.events(export_id)[-1]["id"]
    assert place.post(f"/v1/exports/{export_id}/retry", json={}).status_code == 200
    with listening(place, f"/v1/exports/{export_id}/events", last=str(last)) as stream:
        assert stream.next()[1]["kind"] == "retry"


@pytest.mark.slow
def test_a_listener_whose_api_is_killed_and_started_again_misses_nothing_and_hears_nothing_twice(place: Stack) -> None:
    export_id = place.submit()
    last = str(place.events(export_id)[-1]["id"])
    heard: list[tuple[int, int]] = []
    for round_, how in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, None)):
        first = [1000 * (_WRITERS * round_ + writer) for writer in range(_WRITERS)]
        writing = [threading.Thread(target=write_events, args=(place, export_id, one, _EVENTS)) for one in first]
        for thread in writing:
            thread.start()
        all_of_them = (round_ + 1) * _WRITERS * _EVENTS
        with suppress(httpx.TransportError), listening(place, "/v1/events", last=last) as stream:
            for name, data in stream.events():
                assert name == "message"
                heard.append((data["id"], data["attempt"]))
                last = stream.last
                if how and len(heard) == all_of_them - _WRITERS * _EVENTS + 10:
                    place.processes[-1].send_signal(how)
                if len(heard) == all_of_them:
                    break
        for thread in writing:
            thread.join()
        if how:
            place.processes.pop().wait(30)
            place.start_api()
    numbers = [number for number, _ in heard]
    assert numbers == sorted(set(numbers))
    expected = [1000 * writer + number for writer in range(_WRITERS * 4) for number in range(_EVENTS)]
    assert sorted(attempt for _, attempt in heard) == expected


def test_live_events_begin_now_and_are_those_that_were_asked_for(place: Stack) -> None:
    place.submit(number=1)
    with (
        listening(place, "/v1/events") as all_of_them,
        listening(place, "/v1/events", account="shop-ab") as one_account,
        listening(place, "/v1/events", state="starting") as one_state,
    ):
        for stream in (all_of_them, one_account, one_state):
            stream.begin()
        second, third = place.submit(number=2), place.submit("shop-ab", number=3)
        told = take(all_of_them, 4)
        assert [(event["export_id"], event["kind"]) for event in told] == [
            (second, "accept"),
            (second, "admit"),
            (third, "accept"),
            (third, "admit"),
        ]
        assert [event["export_id"] for event in take(one_account, 2)] == [third, third]
        assert [event["kind"] for event in take(one_state, 2)] == ["admit", "admit"]


def test_a_key_for_some_accounts_hears_of_no_other(place: Stack) -> None:
    key = new_key(settings_of(place), accounts=frozenset({"shop-ab"}))
    headers = {"authorization": f"Bearer {key}"}
    hidden = place.submit(number=1)
    with listening(place, "/v1/events", headers=headers, last="0") as stream:
        seen = place.submit("shop-ab", number=2)
        assert {event["export_id"] for event in take(stream, 2)} == {seen}
    for path in ("events", "explain"):
        assert place.get(f"/v1/exports/{hidden}/{path}", headers=headers).status_code == 404


def test_open_streams_end_at_once_when_the_api_stops(place: Stack) -> None:
    export_id = place.submit()
    with listening(place, "/v1/events") as first, listening(place, f"/v1/exports/{export_id}/events") as second:
        first.begin()
        take(second, 2)
        process = place.processes.pop()
        process.send_signal(signal.SIGTERM)
        # Ended, not broken off: an answer that was cut would raise.
        assert list(first.events()) == list(second.events()) == []
        assert process.wait(30) == 0
    assert "graceful" not in place.log("api")


@pytest.mark.parametrize("accept", ["*/*", "", "text/html, */*;q=0.1", "text/event-stream, application/json"])
def test_whoever_takes_anything_gets_the_stream_of_all_events(api: Stack, accept: str) -> None:
    with listening(api, "/v1/events", headers={"accept": accept}) as stream:
        stream.begin()
        assert stream.answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/event-stream;q=0, */*", "application/json"),
        ("application/json, text/event-stream;q=0.9", "application/json"),
        ("text/event-stream, */*;q=0.1", "text/event-stream"),
        ("application/json;q=0.5, text/event-stream", "text/event-stream"),
    ],
)
def test_a_timeline_comes_in_the_form_that_is_liked_best(api: Stack, accept: str, kind: str) -> None:
    export_id = api.submit(force=True)
    api.post(f"/v1/exports/{export_id}/cancel")
    answer = api.get(f"/v1/exports/{export_id}/events", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(kind)


def test_one_key_cannot_take_the_streams_of_all_others(api: Stack) -> None:
    greedy = {"authorization": f"Bearer {api.post('/v1/keys', json={'name': 'greedy'}).json()['key']}"}
    with ExitStack() as contexts:
        streams = [contexts.enter_context(listening(api, "/v1/events", headers=greedy)) for _ in range(100)]
        for stream in streams:
            stream.begin()
        refused = api.get("/v1/events", headers=greedy)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert "has 100 streams open" in refused.json()["detail"]
        with listening(api, "/v1/events") as of_another_key:
            of_another_key.begin()


def test_what_is_no_stream_and_no_number_is_refused(api: Stack) -> None:
    plain = api.get("/v1/events", headers={"accept": "application/json"})
    assert (plain.status_code, "text/event-stream" in plain.json()["detail"]) == (406, True)
    assert plain.json()["errors"][0]["header"] == "Accept"
    for number in ("soon", "-1", "9" * 30):
        answer = api.get("/v1/events", headers={"accept": "text/event-stream", "last-event-id": number})
        assert answer.status_code == 422
    assert api.get("/v1/exports/exp_none/events", headers={"accept": "text/event-stream"}).status_code == 404


@pytest.mark.slow
def test_a_stream_says_that_the_database_is_away_and_goes_on_with_what_happened_meanwhile(tmp_path: Path) -> None:
    try:
        with running_postgres() as server:
            if not server.is_ours:
                pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")
            url = server.new_database()
            migrate(Settings(database_url=url))
            with run_stack(tmp_path / "home", VENDORS, settings={"LANDFALL_DATABASE_URL": url}) as stack:
                stack.start_api()
                export_id = stack.submit()
                with listening(stack, "/v1/events") as stream:
                    stream.begin()
                    server.stop()
                    assert stream.next()[0] == "unavailable"
                    server.start()
                    write_events(stack, export_id, 7, 3)
                    names: list[str] = []
                    attempts: list[int] = []
                    while len(attempts) < 3:
                        name, data = stream.next()
                        names.append(name)
                        attempts += [data["attempt"]] if name == "message" else []
                    assert names == ["available", "message", "message", "message"]
                    assert attempts == [7, 8, 9]
    except NoPostgresError as error:
        pytest.skip(str(error))


def test_an_api_that_nobody_listens_to_any_more_says_so_in_no_log_and_still_answers(api: Stack) -> None:
    before = len(api.log("api"))
    with listening(api, "/v1/events") as stream:
        stream.begin()
    until(lambda: '"path": "/v1/events"' in api.log("api")[before:], "the end of the stream")
    assert api.get("/v1/exports").status_code == 200
    assert "without completing response" not in api.log("api")[before:]
