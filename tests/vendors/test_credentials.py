"""Promises that credentials are judged by the cheapest call, and that none is judged by a guess."""

from typing import Any

import pytest

from landfall.settings import SettingsError
from landfall.vendors import clients
from landfall.vendors.account import Account
from landfall.vendors.catalog import parse_accounts
from landfall.vendors.credentials import Outcome, Verdict, check_credentials
from tests.vendors.accounts import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET
from tests.vendors.odd_server import OddServer, Scripted, answer
from tests.vendors.sandbox_process import Sandbox

WRONG = "planted-wrong-Kq7xSecret"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKEN": ACCESS_TOKEN, "SECRET": CLIENT_SECRET, "WRONG": WRONG}.items():
        monkeypatch.setenv(name, value)


def intelligems(url: str, token: str = "TOKEN") -> Account:
    table = {"vendor": "intelligems", "base_url": url, "access_token": {"env": token}}
    return parse_accounts({"shop": table})["shop"]


def buy_with_prime(url: str, secret: str = "SECRET") -> Account:
    table = {"vendor": "buy_with_prime", "base_url": url, "client_id": CLIENT_ID, "client_secret": {"env": secret}}
    return parse_accounts({"shop": table | {"target_id": "target"}})["shop"]


async def verdict_on(account: Account) -> Verdict:
    found = await check_credentials("shop", account)
    assert WRONG not in repr(found)
    assert ACCESS_TOKEN not in repr(found)
    assert CLIENT_SECRET not in repr(found)
    return found


async def test_good_credentials_are_good_and_nothing_is_started(sandbox: Sandbox) -> None:
    for account in (intelligems(sandbox.intelligems), buy_with_prime(sandbox.buy_with_prime)):
        assert (await verdict_on(account)).outcome is Outcome.GOOD
    assert sandbox.reports() == []


async def test_wrong_credentials_are_refused_and_the_cure_names_where_they_come_from(sandbox: Sandbox) -> None:
    for account, field in (
        (intelligems(sandbox.intelligems, "WRONG"), "access_token"),
        (buy_with_prime(sandbox.buy_with_prime, "WRONG"), "client_secret"),
    ):
        found = await verdict_on(account)
        assert found.outcome is Outcome.REFUSED
        assert f"{field} (the variable WRONG)" in found.cure


async def test_a_target_that_the_client_may_not_see_is_refused(sandbox: Sandbox) -> None:
    sandbox.fault("graphql_error", operation="poll", body="AccessDeniedException")
    assert (await verdict_on(buy_with_prime(sandbox.buy_with_prime))).outcome is Outcome.REFUSED


@pytest.mark.parametrize("make", [intelligems, buy_with_prime])
async def test_a_vendor_that_does_not_answer_is_unreachable(make: Any) -> None:
    found = await verdict_on(make("http://127.0.0.1:9"))
    assert found.outcome is Outcome.UNREACHABLE
    assert "accounts.shop.base_url" in found.cure


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([answer(404), answer(401)], Outcome.GOOD),
        ([answer(404), answer(404)], Outcome.UNKNOWN),
        ([answer(200, {"url": None})], Outcome.GOOD),
        ([answer(401)], Outcome.REFUSED),
        ([answer(403)], Outcome.REFUSED),
        ([answer(400)], Outcome.UNKNOWN),
        ([answer(429)], Outcome.UNKNOWN),
        ([answer(503)], Outcome.UNKNOWN),
        ([answer(302, headers={"location": "/"})], Outcome.UNKNOWN),
        ([Scripted(stall=True)], Outcome.UNREACHABLE),
    ],
)
async def test_what_intelligems_answers_is_judged(
    answers: list[Scripted], outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfall.vendors.credentials._CALL_SECONDS", 0.5)
    async with OddServer(export=answers) as server:
        assert (await verdict_on(intelligems(server.url))).outcome is outcome
        assert [asked.headers.get("intelligems-access-token") for asked in server.asked] == [
            ACCESS_TOKEN,
            *[None for _ in answers[1:]],
        ]


@pytest.mark.parametrize(
    ("token", "query", "outcome"),
    [
        (answer(401, {"error": "invalid_client"}), answer(500), Outcome.REFUSED),
        (answer(429), answer(500), Outcome.UNKNOWN),
        (answer(200, {"access_token": "t"}), answer(403), Outcome.REFUSED),
        (answer(200, {"access_token": "t"}), answer(500), Outcome.UNKNOWN),
        (answer(404), answer(404), Outcome.UNKNOWN),
    ],
)
async def test_what_buy_with_prime_answers_is_judged(token: Scripted, query: Scripted, outcome: Outcome) -> None:
    async with OddServer(token=[token], graphql=[query]) as server:
        assert (await verdict_on(buy_with_prime(server.url))).outcome is outcome


async def test_a_secret_that_is_not_there_is_named() -> None:
    account = intelligems("http://127.0.0.1:9", "NOT_SET")
    with pytest.raises(SettingsError, match=r"accounts\.shop\.access_token"):
        await check_credentials("shop", account)


async def test_a_vendor_without_a_check_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        async def aclose(self) -> None:
            """Hold nothing."""

    monkeypatch.setattr(clients, "_CLIENTS", {"intelligems": lambda *_: Plain()})
    assert (await verdict_on(intelligems("http://127.0.0.1:9"))).outcome is Outcome.UNKNOWN
