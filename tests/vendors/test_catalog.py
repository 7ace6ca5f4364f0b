"""Promises of how accounts are read and connected."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from landfall.exports.throttle import AccountLimits
from landfall.settings import SettingsError
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.catalog import VENDORS, limits_of, parse_accounts
from landfall.vendors.clients import connect

ROOT = Path(__file__).parents[2]
GEMS: dict[str, Any] = {"vendor": "intelligems", "access_token": {"env": "GEMS_TOKEN"}}
PRIME: dict[str, Any] = {
    "vendor": "buy_with_prime",
    "client_id": {"env": "BWP_ID"},
    "client_secret": {"env": "BWP_SECRET"},
    "target_id": "target-1",
}


def test_accounts_of_both_vendors_are_read_with_their_defaults() -> None:
    accounts = parse_accounts({"shop-ab": GEMS, "shop-bwp": PRIME})
    gems, prime = accounts["shop-ab"], accounts["shop-bwp"]
    assert (gems.base_url, gems.request_timeout) == ("https://api.intelligems.io/v25-10-beta", 300)
    assert isinstance(prime, BuyWithPrimeAccount)
    assert (prime.base_url, prime.api_version) == ("https://api.buywithprime.amazon.com", "2024-11-01")
    assert prime.max_started == 5


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        ("shop", {}, 'accounts.shop.vendor is missing; set it to "intelligems" or "buy_with_prime".'),
        ("shop", {"vendor": "etsy"}, "accounts.shop.vendor: there is no such vendor"),
        ("shop", {"vendor": ["etsy"]}, "accounts.shop.vendor: there is no such vendor"),
        ("Shop", GEMS, "accounts.'Shop': an account's name"),
        ("../shop", GEMS, "accounts.'../shop': an account's name"),
        ("shop\n", GEMS, "accounts.'shop\\n': an account's name"),
        ("s" * 64, GEMS, "63 characters at most; rename it."),
        ("shop", {"vendor": "intelligems"}, "accounts.shop.access_token is missing; add it."),
        ("shop", GEMS | {"access_token": "planted"}, "accounts.shop.access_token: a secret is not written into"),
        ("shop", GEMS | {"acces_token": "x"}, "accounts.shop.acces_token: there is no such setting; known are vendor"),
        ("shop", GEMS | {"access_token": {"evn": "X"}}, "accounts.shop.access_token: write it as { env ="),
        ("shop", GEMS | {"access_token": 5}, "accounts.shop.access_token: write it as { env ="),
        ("shop", GEMS | {"access_token": {}}, "accounts.shop.access_token: give either { env ="),
        ("shop", GEMS | {"base_url": "intelligems.io"}, "accounts.shop.base_url: write it as http(s)://"),
        ("shop", GEMS | {"base_url": "https://me:planted@host"}, "accounts.shop.base_url: write it as http(s)://"),
        ("shop", GEMS | {"base_url": "https://host:99999"}, "accounts.shop.base_url: write it as http(s)://"),
        ("shop", GEMS | {"base_url": "https://host/?a=b"}, "accounts.shop.base_url: write it as http(s)://"),
        ("shop", GEMS | {"max_started": 0}, "accounts.shop.max_started: Input should be greater than or equal to 1."),
        ("shop", PRIME | {"target_id": ""}, "accounts.shop.target_id: String should have at least 1 character."),
        ("shop", PRIME | {"client_id": 7}, "accounts.shop.client_id: write it as { env ="),
        ("shop", PRIME | {"client_id": {"env": "A", "file": "B"}}, "accounts.shop.client_id: give either { env ="),
        ("shop", PRIME | {"api_version": "a b"}, "accounts.shop.api_version"),
        ("shop", GEMS | {"freshness": "PT36H"}, "accounts.shop.freshness: write it as { REPORT_TYPE ="),
        (
            "shop",
            GEMS | {"freshness": {"order": "PT1H"}},
            "accounts.shop.freshness.order: there is no such report type",
        ),
        (
            "shop",
            GEMS | {"freshness": {"or\nder": 5}},
            "freshness.or\\nder: there is no such report type; known are orders",
        ),
        ("shop", GEMS | {"freshness": {"": "P1D"}}, "accounts.shop.freshness.: there is no such report type"),
        ("shop", PRIME | {"freshness": {"orders": "P1D"}}, "such report type; known are USER_EVENTS."),
        *(
            (
                "shop",
                GEMS | {"freshness": {"orders": length}},
                "accounts.shop.freshness.orders: write it as an ISO 8601",
            )
            for length in ("36h", "36:00:00", "P0D", "-P1D", "P", "P999999999999D", "", 36, True, None, {"a": "P1D"})
        ),
    ],
)
def test_a_wrong_account_is_told_in_one_line_that_names_the_setting(
    name: str, table: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_accounts({name: table})
    text = str(refused.value)
    assert told in text
    assert text.endswith(".")
    assert "\n" not in text
    assert "planted" not in text


def test_the_catalog_pulls_in_no_client() -> None:
    code = "import sys, landfall.vendors.catalog; print([m for m in sys.modules if 'httpx' in m or 'client' in m])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "landfall.vendors.clients" not in done.stdout
    assert "httpx" not in done.stdout


def test_every_vendor_in_the_catalog_has_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GEMS_TOKEN", "BWP_ID", "BWP_SECRET"):
        monkeypatch.setenv(variable, "planted-secret")
    accounts = parse_accounts({"intelligems": GEMS, "buy_with_prime": PRIME})
    assert set(accounts) == set(VENDORS)
    for name, account in accounts.items():
        client = connect(name, account)
        assert "planted-secret" not in f"{client!r} {account!r} {vars(client)!r}"


def test_only_a_vendor_that_finds_its_report_again_may_be_asked_twice_to_start() -> None:
    assert {name: schemas.starts_repeat for name, schemas in VENDORS.items()} == {
        "intelligems": True,
        "buy_with_prime": False,
    }


def test_every_vendors_example_is_of_a_report_type_that_can_have_a_freshness_target() -> None:
    for schemas in VENDORS.values():
        request = schemas.request.model_validate(schemas.request.example)
        assert request.report_type in schemas.request.report_types


def test_an_account_tells_the_database_how_old_its_files_may_become() -> None:
    targets = {"orders": "PT36H", "order_line_items": "P1DT0.5S"}
    limits = limits_of(parse_accounts({"shop-ab": GEMS | {"freshness": targets}}))
    assert limits["shop-ab"].freshness == {"orders": 129_600.0, "order_line_items": 86_400.5}


def test_an_account_tells_the_database_its_slots_its_rate_and_its_tenants() -> None:
    table = PRIME | {"max_started": 3, "rate_burst": 4, "rate_refill": 0.5, "tenant_weights": {"big": 3}}
    limits = limits_of(parse_accounts({"shop-ab": GEMS, "shop-bwp": table}))
    assert limits == {
        "shop-ab": AccountLimits("intelligems", max_started=5, rate_burst=20.0, rate_refill=0.5),
        "shop-bwp": AccountLimits("buy_with_prime", 3, rate_burst=4.0, rate_refill=0.5, tenant_weights={"big": 3.0}),
    }


def test_a_missing_secret_is_told_by_its_setting_and_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMS_TOKEN", raising=False)
    with pytest.raises(SettingsError, match=r"accounts\.shop\.access_token: the environment variable GEMS_TOKEN is"):
        connect("shop", parse_accounts({"shop": GEMS})["shop"])


@pytest.mark.parametrize("secret", ["planted\nsecret", "plänted", " planted"])
def test_a_secret_that_no_header_can_carry_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("GEMS_TOKEN", secret)
    with pytest.raises(SettingsError, match=r"accounts\.shop\.access_token: its value holds") as refused:
        connect("shop", parse_accounts({"shop": GEMS})["shop"])
    assert secret not in str(refused.value)
