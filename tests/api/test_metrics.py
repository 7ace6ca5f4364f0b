"""Checks what a scrape of /metrics is answered with while no worker runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from landfall import __version__
from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.exposed import Exposed
from tests.stack import Stack, new_key, until

ODD_ID = 'host "one"\\:1:ab'
SAID = """# HELP landfall_steps_total Steps.
# TYPE landfall_steps_total counter
landfall_steps_total{outcome="advanced",step="poll",vendor="buy_with_prime"} 7.0
# HELP landfall_throttled_answers_total Answers.
# TYPE landfall_throttled_answers_total counter
landfall_throttled_answers_total{account="shop-ab",reason="rate_limited",vendor="intelligems"} 2.0
landfall_throttled_answers_total{account="shop-bwp",reason="slots_full",vendor="buy_with_prime"} 3.0
"""


def scrape(api: Stack, key: str | None = None) -> Exposed:
    answer = api.get("/metrics", headers={"authorization": f"Bearer {key}"} if key else None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Exposed(answer.text)


@contextmanager
def reported(api: Stack, *silent_seconds: float) -> Iterator[list[str]]:
    """Workers that were last heard of so long ago."""
    ids = [f"{ODD_ID}:{number}" for number in range(len(silent_seconds))]
    with closing(sqlite3.connect(api.home / "landfall.db", timeout=30)) as database:
        for id_, seconds in zip(ids, silent_seconds, strict=True):
            ago = f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{seconds} seconds')"
            with database:
                database.execute(f"INSERT INTO workers VALUES (?, '9.9', {ago}, {ago}, 4, ?)", (id_, SAID))  # noqa: S608 - numbers of this file
        try:
            yield ids
        finally:
            with database:
                database.execute("DELETE FROM workers")
            until(lambda: not scrape(api).values("worker"), "a scrape without workers")


def test_a_scrape_reads_as_prometheus_reads_it(api: Stack) -> None:
    exposed = scrape(api)
    assert exposed.one("landfall_build_info", version=__version__) == 1
    assert exposed.one("landfall_database_up") == 1
    assert 0 < exposed.one("landfall_database_round_trip_seconds") < 60
    assert exposed.one("landfall_slots_max", account="shop-bwp", vendor="buy_with_prime") == 5
    assert exposed.one("landfall_workers_alive") == 0
    assert exposed.one("landfall_webhook_backlog") == 0


def test_the_gauges_follow_what_is_asked_for(api: Stack) -> None:
    def live(state: str) -> float:
        return scrape(api).one("landfall_exports", account="shop-bwp", state=state)

    queued, ids = live("queued"), [api.submit("shop-bwp", number) for number in range(600, 607)]
    until(lambda: live("starting") == 5 and live("queued") >= queued + 2, "five slots and a queue")
    exposed = scrape(api)
    assert exposed.one("landfall_slots_used", account="shop-bwp") == 5
    assert exposed.one("landfall_slots_limit", account="shop-bwp") == 5
    assert exposed.one("landfall_exports_overdue", account="shop-bwp") == 5
    assert exposed.one("landfall_oldest_overdue_seconds", account="shop-bwp") > 0
    assert exposed.one("landfall_oldest_queued_seconds", account="shop-bwp") > 0
    assert len(ids) == 7


def test_a_blocked_open_or_paused_account_says_so(api: Stack) -> None:
    names = ("blocked", "open", "paused")

    def gates() -> list[float]:
        exposed = scrape(api)
        return [exposed.one(f"landfall_account_{name}", account="shop-ab") for name in names]

    until(lambda: gates() == [0, 0, 0], "an account without a gate")
    with closing(sqlite3.connect(api.home / "landfall.db", timeout=30)) as database:
        later = "2999-01-01 00:00:00.000000"
        shut = (
            "UPDATE accounts SET blocked_until = ?, error_code = ?, error_message = ?, error_action = ?, paused_at = ?"
        )
        with database:
            database.execute(f"{shut} WHERE name = 'shop-ab'", (later, "refused", "m", "a", later))
        try:
            until(lambda: gates() == [1, 1, 1], "an account with every gate")
        finally:
            with database:
                database.execute(f"{shut} WHERE name = 'shop-ab'", (None,) * 5)


def test_an_account_that_left_the_settings_with_its_breaker_open_is_told_of_no_more(api: Stack) -> None:
    with closing(sqlite3.connect(api.home / "landfall.db", timeout=30)) as database:
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(accounts)")]
        kept = ", ".join({"name": "'gone'", "error_code": "'refused'"}.get(name, name) for name in columns)
        with database:
            database.execute(f"INSERT INTO accounts SELECT {kept} FROM accounts WHERE name = 'shop-ab'")  # noqa: S608 - names of this file
        try:
            view = database.execute("SELECT breaker FROM ops_accounts WHERE account = 'gone'").fetchone()
            assert view == ("open",)
            fresh = scrape(api)
            until(
                lambda: (
                    scrape(api).one("landfall_database_round_trip_seconds")
                    != fresh.one("landfall_database_round_trip_seconds")
                ),
                "a new look",
            )
            assert scrape(api).values("account") == {"shop-ab", "shop-bwp"}
        finally:
            with database:
                database.execute("DELETE FROM accounts WHERE name = 'gone'")


@pytest.mark.slow
def test_what_workers_count_carries_their_names_and_stays_for_an_hour(api: Stack) -> None:
    with reported(api, 1, 1800, 3700) as (alive, silent, forgotten):
        exposed = until(lambda: found if (found := scrape(api)).values("worker") else None, "the workers' reports")
        assert exposed.values("worker") == {alive, silent}
        assert exposed.one("landfall_workers_alive") == 1
        assert exposed.one("landfall_worker_running_steps", worker=alive) == 4
        assert exposed.one("landfall_worker_info", worker=alive, version="9.9") == 1
        assert exposed.one("landfall_steps_total", worker=silent, step="poll") == 7
        assert exposed.total("landfall_steps_total") == 14
        assert 1800 <= exposed.one("landfall_worker_silent_seconds", worker=silent) < 3600
        assert exposed.total("landfall_worker_silent_seconds", worker=forgotten) == 0


def test_a_limited_key_sees_its_accounts_alone(api: Stack) -> None:
    key = new_key(Settings(home=api.home), Scope.READ, frozenset({"shop-ab"}))
    with reported(api, 1):
        exposed = until(lambda: found if (found := scrape(api, key)).values("reason") else None, "the worker's report")
    assert exposed.values("account") == {"shop-ab"}
    assert exposed.total("landfall_throttled_answers_total") == 2
    assert exposed.one("landfall_database_up") == 1
    hidden = {
        "landfall_steps",
        "landfall_http_requests",
        "landfall_worker_info",
        "landfall_webhook_backlog",
        "landfall_part_up",
    }
    assert not hidden & set(exposed.names)


def test_a_scrape_tells_which_part_is_missing_and_how_much_room_is_left(api: Stack) -> None:
    exposed = scrape(api)
    parts = {part: exposed.one("landfall_part_up", part=part) for part in exposed.values("part")}
    assert parts == {"database": 1, "schema": 1, "redis": 1, "store": 1, "workers": 0}
    assert exposed.one("landfall_store_free_bytes") > 0
    assert exposed.one("landfall_store_reserve_bytes") == 64 << 20


def test_a_scrape_needs_a_key(api: Stack) -> None:
    assert api.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert scrape(api, new_key(Settings(home=api.home), Scope.READ)).one("landfall_database_up") == 1


def test_requests_are_counted_by_the_template_of_their_route(api: Stack) -> None:
    def count(**labels: str) -> float:
        return scrape(api).total("landfall_http_requests_total", **labels)

    missing = {"method": "GET", "route": "/v1/exports/{export_id}", "status": "404"}
    nowhere = {"method": "GET", "route": "none", "status": "404"}
    odd = {"method": "other"}
    before = [count(**missing), count(**nowhere), count(**odd)]
    for name in ("exp_1", "exp_2"):
        api.get(f"/v1/exports/{name}")
        api.get(f"/v1/nothing/{name}")
        api.call("PROPFIND", "/v1/exports")
    wanted = [number + 2 for number in before]
    until(lambda: [count(**missing), count(**nowhere), count(**odd)] == wanted, "the requests")
    route = missing["route"]
    assert scrape(api).one("landfall_http_request_seconds_count", method="GET", route=route) >= 2
