"""Checks how long an answer is kept, and for whom."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from landfall.database import answers as kept_answers
from landfall.database.answers import Answer, Claim, Kept
from landfall.database.clock import read_clock
from landfall.database.service_tables import answers

CLAIM = Claim("key_1", "monday's", "a" * 64)
ANSWER = Answer(202, '{"id": "exp_1"}', "/v1/exports/exp_1")


def _keep(connection: Connection, claim: Claim = CLAIM) -> None:
    assert kept_answers.claim(connection, [claim]) == {}
    kept_answers.keep(connection, {claim: ANSWER})


def _age(connection: Connection, age: timedelta) -> None:
    connection.execute(update(answers).values(created_at=read_clock(connection) - age))


def test_a_key_that_was_used_is_answered_as_before(connection: Connection) -> None:
    _keep(connection)
    assert kept_answers.claim(connection, [CLAIM]) == {CLAIM: Kept(CLAIM.request_hash, ANSWER)}


@pytest.mark.parametrize("other", [CLAIM._replace(key_id="key_2"), CLAIM._replace(key="tuesday's")])
def test_a_key_is_its_owner_s_and_itself_alone(connection: Connection, other: Claim) -> None:
    _keep(connection)
    assert kept_answers.claim(connection, [other]) == {}


def test_another_request_under_the_key_finds_whom_it_was_given_to(connection: Connection) -> None:
    _keep(connection)
    other = CLAIM._replace(request_hash="b" * 64)
    assert kept_answers.claim(connection, [other])[other].request_hash == CLAIM.request_hash


def test_some_of_many_keys_may_have_been_used(connection: Connection) -> None:
    _keep(connection)
    several = [CLAIM._replace(key=f"{number}") for number in range(3)]
    assert set(kept_answers.claim(connection, [*several, CLAIM])) == {CLAIM}


def test_a_key_may_be_used_anew_after_a_day(connection: Connection) -> None:
    _keep(connection)
    _age(connection, kept_answers.KEPT - timedelta(minutes=1))
    assert kept_answers.forget_old(connection, 10) == 0
    assert kept_answers.claim(connection, [CLAIM])
    _age(connection, kept_answers.KEPT + timedelta(minutes=1))
    assert kept_answers.forget_old(connection, 10) == 1
    assert kept_answers.claim(connection, [CLAIM]) == {}


def test_what_is_older_than_a_day_is_removed_a_few_at_a_time(connection: Connection) -> None:
    for number in range(5):
        _keep(connection, CLAIM._replace(key=f"old {number}"))
    _age(connection, kept_answers.KEPT + timedelta(minutes=1))
    _keep(connection)
    assert [kept_answers.forget_old(connection, 3) for _ in range(3)] == [3, 2, 0]
    assert connection.execute(select(func.count()).select_from(answers)).scalar_one() == 1
