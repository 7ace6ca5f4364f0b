"""Promises of the page of the accounts where there are more of them than one page takes."""

import re
from collections.abc import Iterator

import pytest

from api.pages.accounts import MOST_SHOWN, beside
from landfall.database.keys import Scope
from tests.api.conftest import NOWHERE
from tests.pages.browsing import Visitor
from tests.pages.desk import send
from tests.pages.planting import entered
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox

MANY = [f"shop-m{number:02}" for number in range(2 * MOST_SHOWN)]
# With the two that every stack has, in order.
ALL = sorted([*MANY, "shop-ab", "shop-bwp"])


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API with so many accounts that their page is three."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    table = '\n[accounts.{}]\nvendor = "intelligems"\naccess_token = {{ env = "IT_TOKEN" }}\n'
    with run_stack(tmp_path_factory.mktemp("crowded") / "home", vendors, "".join(map(table.format, MANY))) as stack:
        stack.start_api()
        yield stack


def seen(visitor: Visitor, query: str = "") -> list[str]:
    """The accounts of a page."""
    return re.findall(r'<section class="sheet" id="account-([^"]+)"', visitor.get(f"/accounts{query}").text)


def test_every_account_is_on_one_of_the_pages_that_the_first_leads_to(crowded: Stack) -> None:
    with entered(crowded) as visitor:
        text = visitor.get("/accounts?range=7d").text
        ways = re.findall(
            r'href="/accounts(\?range=7d&amp;name=[^"]+)"', text.partition('aria-label="More accounts"')[2]
        )
        pages = [seen(visitor, way.replace("&amp;", "&")) for way in ways]
    assert [len(each) for each in pages] == [MOST_SHOWN, MOST_SHOWN, 2]
    assert [name for each in pages for name in each] == ALL


@pytest.mark.parametrize("name", [ALL[0], ALL[MOST_SHOWN - 1], ALL[MOST_SHOWN], ALL[-1]])
def test_whoever_looks_for_an_account_gets_its_page_and_stays_there(crowded: Stack, name: str) -> None:
    with entered(crowded, Scope.ADMIN) as visitor:
        assert name in seen(visitor, f"?name={name}")
        paused = send(visitor, f"/accounts/{name}/pause")
        assert paused.headers["location"] == f"/accounts?name={name}#account-{name}"
        (warning,) = re.findall(rf'href="([^"]+)">{name} is paused', visitor.get("/").text)
        assert warning == paused.headers["location"]
        send(visitor, f"/accounts/{name}/resume")


def test_a_key_that_is_limited_to_accounts_gets_no_names_of_others(crowded: Stack) -> None:
    with entered(crowded, Scope.READ, *MANY[:3]) as visitor:
        assert seen(visitor, f"?name={MANY[-1]}") == MANY[:3]
        assert MANY[3] not in visitor.get("/accounts").text


def test_a_name_that_is_no_account_is_near_where_it_would_be() -> None:
    assert beside("", ALL) == ALL[:MOST_SHOWN]
    assert beside("zzz", ALL) == ALL[2 * MOST_SHOWN :]
    assert beside("zzz", ALL[:MOST_SHOWN]) == ALL[:MOST_SHOWN]
    assert beside("shop-ab", []) == []
