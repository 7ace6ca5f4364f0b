"""Promises to a person at the door: logging in and out, and what a key that only reads sees."""

import pytest
from playwright.sync_api import expect

from landfall.database.keys import Scope
from tests.browser.conftest import Look
from tests.browser.house import House
from tests.browser.looking import FAILED_LOADS, limited_key


def test_a_person_logs_in_and_comes_to_the_page_that_was_wanted(house: House, look: Look) -> None:
    with look() as looker:
        page = looker.page("/accounts")
        expect(page.get_by_label("API key")).to_be_focused()
        page.keyboard.type(house.key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/accounts")
        expect(page.get_by_role("heading", level=1)).to_have_text("Accounts")


@pytest.mark.slow
def test_a_wrong_key_is_told_and_can_be_typed_again(house: House, look: Look) -> None:
    with look() as looker:
        looker.forgives = (FAILED_LOADS,)
        page = looker.page("/")
        page.get_by_label("API key").fill("lf_wrongkey_" + "x" * 43)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        page.get_by_label("API key").fill(house.key)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


@pytest.mark.slow
def test_whoever_has_logged_out_cannot_go_back(house: House, look: Look) -> None:
    with look(key=house.key) as looker:
        page = looker.page("/")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")
        page.go_back()
        page.wait_for_url("**/login")
        expect(page.get_by_label("API key")).to_be_visible()


@pytest.mark.slow
def test_a_key_that_only_reads_sees_no_buttons(house: House, look: Look) -> None:
    export_id = house.submit(labels={"see": "read-only"}, force=True)
    house.wait_for(export_id, "stored")
    batch = house.post(
        "/v1/batches", json={"exports": [{"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}]}
    )
    paths = ["/", "/exports", f"/exports/{export_id}", "/batches", f"/batches/{batch.json()['id']}", "/accounts"]
    with look(key=limited_key(house, Scope.READ)) as looker:
        page = looker.page("/")
        expect(page.get_by_text("read only")).to_be_visible()
        for path in [*paths, "/webhooks", "/workers"]:
            page.goto(house.url + path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            # Other forms only ask for a page.
            expect(page.locator("form[method=post] button")).to_have_text(["Log out"])
            expect(page.get_by_role("link", name="New export")).to_have_count(0)
            expect(page.get_by_role("link", name="Keys")).to_have_count(0)
        looker.forgives = (FAILED_LOADS,)
        page.goto(f"{house.url}/keys")
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
