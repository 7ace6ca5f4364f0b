"""Promises to whoever has no pointer, or no scripts: everything can be reached and done."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.browser.house import House

# What has the focus, and whether one can see that.
_FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return {id: one.id, text: one.textContent.trim(), ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0};
}"""
_MOST_STOPS = 60


def tab_to(page: Page, *, text: str = "", id_: str = "") -> None:
    """Press Tab until this has the focus; wherever it stops on the way, one can see it."""
    passed = []
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        focus = page.evaluate(_FOCUS)
        assert focus["ring"], f"nobody sees the focus on {focus}"
        if (text and focus["text"] == text) or (id_ and focus["id"] == id_):
            return
        passed.append(focus["id"] or focus["text"])
    raise AssertionError(f"{text or id_} was not among {passed}")


def failed(house: House, see: str, number: int) -> str:
    """An export whose report the vendor has failed again and again, and would build now."""
    house.fault("report_failed", "shop-bwp", count=3)
    export_id = house.submit(number=number, labels={"see": see}, force=True)
    house.wait_for(export_id, "failed")
    return export_id


@pytest.mark.slow
def test_a_failed_export_is_found_and_retried_by_keyboard_alone(house: House, look: Look) -> None:
    export_id = failed(house, "keys", 80)
    with look() as looker:
        page = looker.page("/exports?label=see:keys")
        page.keyboard.type(house.key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/exports?label=see:keys")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        tab_to(page, id_=export_id)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/exports/{export_id}")
        tab_to(page, text="Retry from the start")
        page.keyboard.press("Enter")
        expect(page.locator("#standing .title-line .state")).to_have_text("stored")


@pytest.mark.slow
def test_the_focus_stays_where_it_is_when_the_page_looks_again(house: House, look: Look) -> None:
    export_id = house.submit(number=81, labels={"see": "focus"}, force=True)
    house.wait_for(export_id, "stored")
    with look(key=house.key) as looker:
        page = looker.page("/exports?label=see:focus")
        expect(page.locator("#live-state")).to_have_text("Live")
        row = page.locator(f"#{export_id}")
        row.focus()
        before = row.element_handle()
        other = house.submit(number=82, labels={"see": "focus"}, force=True)
        expect(page.locator(f"#{other}")).to_be_visible()
        assert before.evaluate("each => each.isConnected") is False
        expect(row).to_be_focused()


@pytest.mark.slow
def test_what_is_being_typed_is_not_overwritten_when_something_happens(house: House, look: Look) -> None:
    house.fault("never_finishes", "shop-bwp", count=5)
    *holding, export_id = [house.submit(number=90 + each, labels={"see": "typing"}, force=True) for each in range(6)]
    with look(key=house.key) as looker:
        page, other = looker.page(f"/exports/{export_id}"), looker.page(f"/exports/{export_id}")
        for opened in (page, other):
            expect(opened.locator("#live-state")).to_have_text("Live")
        page.get_by_label("Priority").fill("7")
        page.locator("#set-priority").focus()
        house.call("PATCH", f"/v1/exports/{export_id}", json={"priority": 3})
        expect(other.get_by_label("Priority")).to_have_value("3")
        expect(page.get_by_label("Priority")).to_have_value("7")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Its priority is 7.")).to_be_visible()
    for each in (export_id, *holding):
        house.post(f"/v1/exports/{each}/cancel")
    house.forget()


@pytest.mark.slow
def test_the_waterfall_is_read_out_in_words(house: House, look: Look) -> None:
    export_id = house.submit(number=83, labels={"see": "words"}, force=True)
    house.wait_for(export_id, "stored")
    with look(key=house.key) as looker:
        page = looker.page(f"/exports/{export_id}")
        told = page.get_by_role("list", name="Steps in order of time").aria_snapshot()
    assert [word for word in ("Queue", "Start", "Build", "Download") if word not in told] == []


@pytest.mark.slow
def test_without_scripts_one_logs_in_filters_retries_and_cancels(house: House, look: Look) -> None:
    export_id = failed(house, "plain", 84)
    with look(java_script_enabled=False) as looker:
        page = looker.page("/exports")
        page.get_by_label("API key").fill(house.key)
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("Label", exact=True).fill("see:plain")
        page.get_by_role("checkbox", name="failed").check()
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#rows tbody tr")).to_have_count(1)
        page.locator(f"#{export_id}").click()
        house.fault("never_finishes", "shop-bwp")
        page.get_by_role("button", name="Retry from the start").click()
        expect(page.get_by_text("It is tried again.")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("It is cancelled.")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("API key")).to_be_visible()
    assert house.show(export_id)["state"] == "cancelled"
    house.forget()
