"""Checks how log-ins to the pages are kept, on both databases."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from landfall.database import keys, sessions
from landfall.database.clock import read_clock
from landfall.database.keys import Scope, digest_of
from landfall.database.service_tables import keys as keys_table
from landfall.database.service_tables import sessions as table
from landfall.database.sessions import IDLE, LONGEST, Session
from tests.database.bridge import Bridge

SECOND = timedelta(seconds=1)


@pytest.fixture
def key_id(connection: Connection, bridge: Bridge) -> str:
    make = partial(keys.create, connection, "warehouse", Scope.WRITE, accounts=frozenset({"shop-ab"}))
    return bridge.run(make)[0].id


def found(connection: Connection, token: str) -> Session:
    session = sessions.find(connection, digest_of(token))
    assert session
    return session


def pretend(connection: Connection, *, age: timedelta, left: timedelta) -> None:
    """Let every session have begun so long ago, and be good for so long yet."""
    now = read_clock(connection)
    connection.execute(update(table).values(created_at=now - age, expires_at=now + left))


def test_a_session_is_found_by_what_the_browser_shows_and_tells_its_key(connection: Connection, key_id: str) -> None:
    session = found(connection, sessions.begin(connection, key_id))
    key = session.key.key
    assert (key.id, key.name, key.scope, key.accounts) == (key_id, "warehouse", Scope.WRITE, frozenset({"shop-ab"}))
    assert (session.is_good, session.extension_is_due) == (True, False)
    assert IDLE - timedelta(minutes=1) < session.left <= IDLE


def test_what_nobody_was_given_is_no_session(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    assert [sessions.find(connection, digest_of(text)) for text in ("", token[:-1], f"{token}=", key_id)] == [None] * 4
    assert sessions.find(connection, token) is None


def test_no_row_holds_what_the_browser_shows(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    row = connection.execute(select(table)).one()
    assert token not in repr(tuple(row))
    assert row.sha256 == digest_of(token)


def test_of_a_key_that_logs_in_ever_again_the_oldest_sessions_end(connection: Connection, key_id: str) -> None:
    other = keys.create(connection, "browser", Scope.READ)[0].id
    of_other = sessions.begin(connection, other)
    old = [sessions.begin(connection, key_id) for _ in range(3)]
    pretend(connection, age=SECOND, left=SECOND * 60)
    new = [sessions.begin(connection, key_id) for _ in range(sessions.MOST_OF_A_KEY)]
    assert [token for token in old + new if sessions.find(connection, digest_of(token))] == new
    assert found(connection, of_other).is_good


def test_every_log_in_has_secrets_of_its_own(connection: Connection, key_id: str) -> None:
    tokens = [sessions.begin(connection, key_id) for _ in range(20)]
    proofs = {found(connection, token).form_token for token in tokens}
    assert len(set(tokens)) == len(proofs) == 20
    assert {len(token) for token in [*tokens, *proofs]} == {43}
    assert not proofs & set(tokens)


def test_a_session_that_was_ended_opens_nothing_and_leaves_the_others(connection: Connection, key_id: str) -> None:
    one, other = (sessions.begin(connection, key_id) for _ in range(2))
    sessions.end(connection, digest_of(one))
    sessions.end(connection, digest_of(one))
    assert sessions.find(connection, digest_of(one)) is None
    assert found(connection, other).is_good


def test_a_session_ends_with_its_key(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    keys.revoke(connection, key_id)
    assert not found(connection, token).is_good


def test_a_session_ends_when_its_key_expires(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    connection.execute(update(keys_table).values(expires_at=read_clock(connection) - SECOND))
    assert not found(connection, token).is_good


def test_a_session_ends_by_the_database_s_clock_when_nobody_looks(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    pretend(connection, age=IDLE + SECOND, left=-SECOND)
    assert not found(connection, token).is_good


def test_a_session_that_has_ended_is_not_extended(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    pretend(connection, age=IDLE + SECOND, left=-SECOND)
    sessions.extend(connection, digest_of(token))
    sessions.extend(connection, digest_of("nobody's"))
    assert not found(connection, token).is_good


def test_looking_at_a_page_extends_a_session_every_ten_minutes(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    pretend(connection, age=timedelta(minutes=9), left=IDLE - timedelta(minutes=9))
    assert not found(connection, token).extension_is_due
    pretend(connection, age=timedelta(minutes=11), left=IDLE - timedelta(minutes=11))
    assert found(connection, token).extension_is_due
    sessions.extend(connection, digest_of(token))
    session = found(connection, token)
    assert IDLE - timedelta(minutes=1) < session.left <= IDLE
    assert not session.extension_is_due


def test_no_session_lasts_longer_than_a_month(connection: Connection, key_id: str) -> None:
    token = sessions.begin(connection, key_id)
    pretend(connection, age=LONGEST - timedelta(hours=1), left=timedelta(minutes=5))
    sessions.extend(connection, digest_of(token))
    session = found(connection, token)
    assert timedelta(minutes=59) < session.left <= timedelta(hours=1)
    assert not session.extension_is_due
    pretend(connection, age=LONGEST, left=timedelta(0))
    assert not found(connection, token).is_good


def test_a_log_in_forgets_the_sessions_that_have_ended(connection: Connection, key_id: str) -> None:
    sessions.begin(connection, key_id)
    pretend(connection, age=IDLE, left=-SECOND)
    good = sessions.begin(connection, key_id)
    again = sessions.begin(connection, key_id)
    assert set(connection.execute(select(table.c.sha256)).scalars()) == {digest_of(good), digest_of(again)}


def test_a_session_is_good_for_no_longer_than_its_key(connection: Connection) -> None:
    key, _ = keys.create(connection, "short", Scope.READ, expires_in=timedelta(minutes=1))
    session = found(connection, sessions.begin(connection, key.id))
    assert timedelta(0) < session.left <= timedelta(minutes=1)
