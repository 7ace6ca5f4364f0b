"""Checks how often a key may ask, and how often somebody may guess one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.rate_limit import RateLimit
from landfall.settings import Settings
from tests.api.beside import another_api
from tests.api.conftest import NOWHERE
from tests.stack import Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox

FIELDS = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"}


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_so_many_a_second() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 3, clock)
    assert [limit.take("a").wait for _ in range(5)] == [0, 0, 0, 1, 1]
    assert limit.take("b").wait == 0
    clock.now += 0.5
    assert [limit.take("a").wait for _ in range(2)] == [0, 1]
    clock.now += 1000
    assert [limit.take("a").wait for _ in range(4)] == [0, 0, 0, 1]


def test_the_fields_tell_what_is_left_and_when_it_is_all_back() -> None:
    limit = RateLimit(2.0, 3, Clock())
    assert limit.take("a").headers() == {
        "ratelimit-limit": "3",
        "ratelimit-remaining": "2",
        "ratelimit-reset": "1",
        "ratelimit-policy": "3;w=2",
    }
    limit.take("a")
    limit.take("a")
    assert limit.take("a").headers() == {
        "ratelimit-limit": "3",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "2",
        "ratelimit-policy": "3;w=2",
        "retry-after": "1",
    }


def test_retry_after_is_long_enough() -> None:
    clock = Clock()
    limit = RateLimit(0.1, 1, clock)
    limit.take("a")
    clock.now += limit.take("a").wait
    assert limit.take("a").wait == 0


def test_a_look_takes_nothing() -> None:
    limit = RateLimit(1.0, 1, Clock())
    assert [limit.look("a").wait for _ in range(3)] == [0, 0, 0]


def test_only_so_many_names_are_remembered() -> None:
    limit = RateLimit(1.0, 5, Clock())
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._buckets) == 10_000


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Stack]:
    """An API that lets each key ask three times, and each address try three wrong keys."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path / "home", vendors) as stack:
        stack.start_api(LANDFALL_API_RATE_LIMIT="0.001", LANDFALL_API_RATE_BURST="3", LANDFALL_API_WRONG_KEYS="3")
        yield stack


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up(strict: Stack) -> None:
    answers = [strict.get("/v1/accounts") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert all(answer.headers.keys() >= FIELDS for answer in answers)
    late = answers[-1]
    assert late.headers["content-type"] == "application/problem+json"
    assert late.json()["detail"] == f"the key 'test' asks too often; try again in {late.headers['retry-after']} s"
    another = new_key(Settings(home=strict.home))
    assert strict.get("/v1/accounts", headers={"authorization": f"Bearer {another}"}).status_code == 200
    assert strict.get("/healthz").status_code == 200


def test_whoever_guesses_keys_is_stopped_and_whoever_holds_one_is_not(strict: Stack) -> None:
    assert strict.get("/v1/accounts").status_code == 200
    wrong = {"authorization": "Bearer lf_wrongkey_" + "x" * 43}
    assert [strict.get("/v1/accounts", headers=wrong).status_code for _ in range(3)] == [401, 401, 401]
    # One more is let through each second, and this may have been one.
    answers = [strict.get("/v1/accounts", headers=wrong) for _ in range(4)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert "wrong keys" in refused.json()["detail"]
    assert refused.headers["retry-after"] == "1"
    assert strict.get("/v1/accounts").status_code == 200


def test_whoever_holds_a_key_is_let_in_for_the_first_time_while_another_at_the_address_guesses(strict: Stack) -> None:
    wrong = {"authorization": "Bearer lf_wrongkey_" + "x" * 43}
    until(lambda: strict.get("/v1/accounts", headers=wrong).status_code == 429, "that it is too many")
    alike = {"authorization": f"Bearer {strict.key[:12]}" + "x" * 43}
    assert {strict.get("/v1/accounts", headers=alike).status_code for _ in range(3)} <= {401, 429}
    assert strict.get("/v1/accounts").status_code == 200


@pytest.mark.parametrize(("proxies", "status"), [("", 429), ("10.0.0.0/8", 429), ("192.0.2.1, 127.0.0.0/8", 401)])
def test_an_address_that_a_request_brings_along_counts_where_a_proxy_of_the_settings_says_it(
    api: Stack, proxies: str, status: int
) -> None:
    # The variable is uvicorn's own.
    with another_api(api, LANDFALL_API_PROXIES=proxies, LANDFALL_API_WRONG_KEYS="3", FORWARDED_ALLOW_IPS="*") as other:
        wrong = {"authorization": "Bearer lf_wrongkey_" + "x" * 43}
        addresses = [wrong | {"x-forwarded-for": f"203.0.113.{number}"} for number in range(12)]
        assert {other.get("/v1/accounts", headers=each).status_code for each in addresses} == {401, status}


def test_without_a_limit_nobody_is_counted(tmp_path: Path) -> None:
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path / "home", vendors) as stack:
        stack.start_api(LANDFALL_API_RATE_LIMIT="0", LANDFALL_API_WRONG_KEYS="0")
        answer = stack.get("/v1/accounts")
    assert (answer.status_code, answer.headers.keys() & FIELDS) == (200, set())
