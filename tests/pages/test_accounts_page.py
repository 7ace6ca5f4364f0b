"""Promises of the page of the accounts: what it shows of each, to whom, and what pauses one."""

from datetime import timedelta

from sqlalchemy import Connection, delete, insert, update

from landfall.database import build_times, ledger
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.keys import Scope
from landfall.database.tally_tables import export_hours, step_hours
from landfall.exports.histogram import Histogram, as_pairs
from landfall.exports.states import State
from tests.exports.jobs import make_job
from tests.pages.browsing import Visitor
from tests.pages.planting import entered, part, plant, read, refused, words
from tests.stack import Stack

ACCOUNT, UNUSED, THIRD = "shop-bwp", "shop-ab", "north"
HOUR = timedelta(hours=1)


def busy(connection: Connection) -> None:
    """Two exports in slots of five, three in the queue, and build times of four minutes."""
    now = read_clock(connection)
    connection.execute(delete(t.exports))
    holding = [
        make_job(
            id=f"exp_holder{number}",
            request_hash=f"h{number}",
            state=State.EXPORTING,
            started_at=now - timedelta(minutes=number),
            due_at=now + HOUR,
            created_at=now - HOUR,
        )
        for number in (1, 2)
    ]
    queued = [
        make_job(id=f"exp_q{n}", request_hash=f"q{n}", created_at=now - n * HOUR, tenant="<i>ten" if n else "")
        for n in range(3)
    ]
    ledger.accept(connection, [*holding, *queued])
    built = make_job(started_at=now - timedelta(minutes=4), polled_at=now - timedelta(minutes=4))
    for _ in range(5):
        build_times.record(connection, built, 240.0, now=now)


def test_an_account_shows_its_slots_their_holders_its_queue_and_what_it_has_learned(
    operated: Stack, admin: Visitor
) -> None:
    plant(operated, busy)
    seen = read(admin, "/accounts", f"account-{ACCOUNT}")
    assert "2 of 5 slots in use" in seen
    assert "3 exports , the oldest for 2 h" in seen
    assert "<i>ten 2, no tenant 1" in seen
    assert "USER_EVENTS 4 min 4 min 5" in seen
    html = part(admin.get("/accounts").text, f"account-{ACCOUNT}")
    # Those that have had theirs longest first, each with what it is likely to take yet.
    assert html.index('href="/exports/exp_holder2"') < html.index('href="/exports/exp_holder1"')
    assert "2 min ago in 2 min" in seen or "2 min ago in 1 min 59 s" in seen
    assert "<i>ten" not in html


def test_an_account_that_nothing_was_asked_of_says_so(admin: Visitor) -> None:
    seen = read(admin, "/accounts", f"account-{UNUSED}")
    for told in ("0 of 5", "Queue empty", "No slot is in use.", "No report was built yet", "No export landed in 24h."):
        assert told in seen


def test_what_keeps_an_account_from_being_used_is_told_with_its_cure(operated: Stack, admin: Visitor) -> None:
    def trouble(connection: Connection) -> None:
        now = read_clock(connection)
        values = {
            "error_code": "credentials_refused",
            "error_message": "<b>refused</b>",
            "error_action": "Renew them, then `landfall retry`.",
            "open_until": now + HOUR,
            "blocked_until": now + 2 * HOUR,
            "slot_limit": 2.0,
        }
        connection.execute(update(t.accounts).where(t.accounts.c.name == THIRD).values(**values))

    plant(operated, trouble)
    html = part(admin.get("/accounts").text, f"account-{THIRD}")
    assert "<b>refused" not in html
    assert "Renew them, then <code>landfall retry</code>." in html
    seen = words(html)
    for told in ("breaker open", "credentials_refused <b>refused</b>", "One call tries again in", "asked for a pause"):
        assert told in seen
    assert "throttled to 2 of 5" in seen
    healed = {"error_code": None, "open_until": None, "blocked_until": None, "slot_limit": None}
    plant(operated, lambda connection: connection.execute(update(t.accounts).values(**healed)))


def test_an_account_is_paused_and_resumed_by_a_press_each(operated: Stack, admin: Visitor) -> None:
    token = {"form_token": admin.form_token()}
    paused = admin.send(f"/accounts/{UNUSED}/pause", token)
    assert (paused.status_code, paused.headers["location"]) == (303, f"/accounts?name={UNUSED}#account-{UNUSED}")
    seen = read(admin, "/accounts", f"account-{UNUSED}")
    assert "Paused by the key test," in seen
    assert "Resume shop-ab" in seen
    by_name = {each["name"]: each for each in operated.get("/v1/accounts").json()["items"]}
    assert by_name[UNUSED]["paused_by"] == "test"
    admin.send(f"/accounts/{UNUSED}/resume", token)
    assert "Pause shop-ab" in read(admin, "/accounts", f"account-{UNUSED}")


def test_nobody_but_an_admin_sees_what_pauses_or_may_pause(operated: Stack) -> None:
    for scope in (Scope.READ, Scope.WRITE):
        with entered(operated, scope) as visitor:
            html = part(visitor.get("/accounts").text, "main")
            assert "<form" not in html
            sent = visitor.send(f"/accounts/{UNUSED}/pause", {"form_token": visitor.form_token()})
            assert sent.status_code == 403
            assert "this needs a key of scope admin" in sent.text.lower()


def test_a_form_that_came_from_elsewhere_pauses_nothing(operated: Stack, admin: Visitor) -> None:
    assert refused(admin, f"/accounts/{UNUSED}/pause") == [403, 403, 403]
    by_name = {each["name"]: each for each in operated.get("/v1/accounts").json()["items"]}
    assert by_name[UNUSED]["paused_at"] is None


def test_a_limited_key_sees_and_pauses_its_own_accounts_alone(operated: Stack) -> None:
    with entered(operated, Scope.ADMIN, UNUSED) as visitor:
        html = visitor.get("/accounts").text
        assert f'id="account-{UNUSED}"' in html
        assert ACCOUNT not in html
        token = {"form_token": visitor.form_token()}
        assert visitor.send(f"/accounts/{ACCOUNT}/pause", token).status_code == 404


def test_freshness_shows_how_far_files_reach_and_whether_that_is_enough(operated: Stack, admin: Visitor) -> None:
    before = read(admin, "/accounts", "freshness")
    assert "shop-bwp USER_EVENTS nothing stored yet \N{EN DASH} 1 d 12 h missed" in before

    def stored(connection: Connection) -> None:
        now = read_clock(connection)
        values = {"window_end": now - HOUR, "stored_at": now, "export_id": "exp_fresh"}
        connection.execute(update(t.freshness).values(**values))

    plant(operated, stored)
    html = part(admin.get("/accounts").text, "freshness")
    assert 'href="/exports/exp_fresh"' in html
    assert "1 h 1 d 12 h met" in words(html)
    plant(operated, lambda connection: connection.execute(update(t.freshness).values(window_end=None, export_id=None)))


def test_the_plot_has_every_hour_and_is_left_out_where_nothing_landed(operated: Stack, admin: Visitor) -> None:
    def landed(connection: Connection) -> None:
        hour = read_clock(connection).replace(minute=0, second=0, microsecond=0)
        key = {"hour": hour, "account": THIRD, "vendor": "intelligems", "report_type": "orders"}
        found = Histogram()
        for seconds in (10.0, 10.0, 100.0):
            found.add(seconds)
        figures = {
            "runs": 3,
            "seconds": 120.0,
            "p50_seconds": 10.0,
            "p95_seconds": 100.0,
            "max_seconds": 100.0,
            "ranges": as_pairs(found.ranges),
        }
        connection.execute(insert(step_hours).values(**key, phase="landing", **figures))
        counts = {column.name: 0 for column in export_hours.c if column.name not in key}
        connection.execute(insert(export_hours).values(**key, **{**counts, "polls": 7, "stored": 2}))

    plant(operated, landed)
    html = part(admin.get("/accounts").text, f"account-{THIRD}")
    assert (html.count('<tr><th scope="row" data-value='), html.count('data-value=""')) == (24, 46)
    assert "3.5 an export (2 stored in 24h)" in words(html)
    week = part(admin.get("/accounts?range=7d").text, f"account-{THIRD}")
    assert week.count('<tr><th scope="row" data-value=') == 24 * 7
    assert admin.get("/accounts?range=1y").status_code == 422


def test_an_account_that_left_the_settings_is_still_named_with_what_it_had(operated: Stack, admin: Visitor) -> None:
    def left(connection: Connection) -> None:
        gone = {"name": "gone", "vendor": "intelligems", "max_started": 5}
        connection.execute(insert(t.accounts).values(**gone))

    plant(operated, left)
    seen = read(admin, "/accounts")
    assert "No longer in the settings" in seen
    assert 'href="/exports?account=gone"' in admin.get("/accounts").text
    with entered(operated, Scope.READ, UNUSED) as visitor:
        assert "gone" not in read(visitor, "/accounts")
    plant(operated, lambda connection: connection.execute(delete(t.accounts).where(t.accounts.c.name == "gone")))
