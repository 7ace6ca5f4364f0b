"""Checks how API keys are kept, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from landfall.database import keys
from landfall.database.clock import read_clock
from landfall.database.keys import ExpiryRefused, Found, Scope
from landfall.database.service_tables import keys as table


def found(connection: Connection, text: str) -> Found | None:
    prefix = keys.prefix_of(text)
    return keys.find(connection, prefix, keys.digest_of(text)) if prefix else None


def good(connection: Connection, text: str) -> bool:
    seen = found(connection, text)
    return seen is not None and seen.is_good


def test_a_key_is_found_by_whoever_holds_it(connection: Connection) -> None:
    key, text = keys.create(connection, "warehouse", Scope.WRITE, accounts=frozenset({"shop-ab"}))
    seen = found(connection, text)
    assert seen
    assert (seen.key, seen.left, seen.is_good) == (key, None, True)
    assert (key.scope, key.accounts, key.expires_at) == (Scope.WRITE, frozenset({"shop-ab"}), None)


def test_a_key_is_good_for_no_longer_than_the_one_that_makes_it(connection: Connection) -> None:
    now = read_clock(connection)
    latest = now + timedelta(days=2)
    assert keys.create(connection, "unsaid", Scope.READ, latest=latest)[0].expires_at == latest
    shorter, _ = keys.create(connection, "shorter", Scope.READ, expires_in=timedelta(days=1), latest=latest)
    assert shorter.expires_at
    assert now + timedelta(days=1) <= shorter.expires_at < latest
    with pytest.raises(ExpiryRefused, match="longer than the one that makes it"):
        keys.create(connection, "longer", Scope.READ, expires_in=timedelta(days=3), latest=latest)
    assert {key.name for key in keys.every(connection)} == {"unsaid", "shorter"}


def test_a_key_has_a_prefix_and_32_random_bytes(connection: Connection) -> None:
    texts = [keys.create(connection, "same", Scope.READ)[1] for _ in range(20)]
    assert len({text.rpartition("_")[2] for text in texts}) == len({text[:11] for text in texts}) == 20
    assert {(text[:3], text[11], len(text)) for text in texts} == {("lf_", "_", 55)}


def test_no_row_holds_a_key(connection: Connection) -> None:
    _, text = keys.create(connection, "secret", Scope.ADMIN)
    row = connection.execute(select(table)).one()
    assert text[12:] not in repr(tuple(row))
    assert row.sha256 == keys.digest_of(text)


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"), lambda text: text + "A"]
)
def test_a_key_that_differs_in_its_end_is_none(connection: Connection, change: object) -> None:
    assert callable(change)
    _, text = keys.create(connection, "a", Scope.READ)
    assert found(connection, change(text)) is None


@pytest.mark.parametrize(
    "text", ["", "lf_", "lf_abcdefgh", "Lf_abcdefgh_" + "x" * 43, "lf_abcdefgh_" + "x" * 42 + "\n"]
)
def test_what_is_no_key_has_no_prefix(text: str) -> None:
    assert keys.prefix_of(text) is None


def test_a_revoked_key_stays_revoked_since_the_first_time(connection: Connection) -> None:
    key, text = keys.create(connection, "a", Scope.READ)
    first = keys.revoke(connection, key.id)
    again = keys.revoke(connection, key.id)
    assert first
    assert again == first
    assert first.revoked_at is not None
    assert not good(connection, text)
    assert keys.revoke(connection, "key_none") is None


def test_a_key_expires_by_the_database_s_clock(connection: Connection) -> None:
    key, text = keys.create(connection, "a", Scope.READ, expires_in=timedelta(days=1))
    assert key.expires_at == key.created_at + timedelta(days=1)
    assert good(connection, text)
    connection.execute(update(table).values(expires_at=read_clock(connection) - timedelta(seconds=1)))
    assert not good(connection, text)


def test_use_is_noted_once_a_minute(connection: Connection) -> None:
    key, text = keys.create(connection, "a", Scope.READ)
    seen = found(connection, text)
    assert seen
    assert seen.use_is_due
    keys.note_use(connection, key.id)
    seen = found(connection, text)
    assert seen
    noted = seen.key.last_used_at
    assert (noted is not None, seen.use_is_due) == (True, False)
    keys.note_use(connection, key.id)
    assert keys.every(connection)[0].last_used_at == noted
    connection.execute(update(table).values(last_used_at=read_clock(connection) - timedelta(seconds=61)))
    seen = found(connection, text)
    assert seen
    assert seen.use_is_due


def test_keys_are_listed_newest_first(connection: Connection) -> None:
    made = [keys.create(connection, name, Scope.READ)[0] for name in ("a", "b", "c")]
    assert keys.every(connection) == sorted(made, key=lambda key: (key.created_at, key.id), reverse=True)
    assert [keys.find_by_id(connection, key.id) for key in made] == made


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_includes_itself_and_those_before_it(scope: Scope) -> None:
    order = [Scope.READ, Scope.WRITE, Scope.ADMIN]
    assert [each for each in order if scope.includes(each)] == order[: order.index(scope) + 1]


def test_the_first_letters_of_all_keys_but_revoked_ones_are_known(connection: Connection) -> None:
    kept, gone = (keys.create(connection, "same", Scope.READ)[0] for _ in range(2))
    keys.revoke(connection, gone.id)
    assert keys.prefixes(connection) == {kept.prefix}
