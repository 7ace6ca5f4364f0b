"""Promises to a person who follows exports: rows move by themselves, files come whole, failures are mended by a click."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.browser.house import House
from tests.browser.looking import FAILED_LOADS, UNANSWERED
from tests.stack import until

# Notes what a row's state says, whenever the page changes; a page that is loaded anew has forgotten it.
_WATCH = """(id) => {
  window.seen = [];
  const note = () => {
    const state = document.getElementById(id)?.closest("tr").querySelector(".state")?.textContent;
    if (state && window.seen.at(-1) !== state) window.seen.push(state);
  };
  note();
  new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
}"""
_ORDER = ["queued", "starting", "exporting", "ready", "stored"]


def live(page: Page) -> None:
    """Wait until the page hears of changes."""
    expect(page.locator("#live-state")).to_have_text("Live")


@pytest.mark.slow
def test_a_row_moves_through_its_states_without_a_reload(house: House, look: Look) -> None:
    house.fault("slow_answer", "shop-bwp", operation="start", seconds=2)
    house.fault("goes_back", "shop-bwp", operation="poll", seconds=3)
    export_id = house.submit(number=1, labels={"see": "moving"}, force=True)
    with look(key=house.key) as looker:
        page = looker.page("/exports?label=see:moving")
        page.evaluate(_WATCH, export_id)
        expect(page.locator("tbody .state")).to_have_text("stored")
        seen = page.evaluate("window.seen")
    assert seen == sorted(seen, key=_ORDER.index)
    assert {"starting", "exporting", "stored"} <= set(seen)


def test_a_new_row_appears_without_a_reload(house: House, look: Look) -> None:
    with look(key=house.key) as looker:
        page = looker.page("/exports?label=see:new")
        expect(page.get_by_text("No export matches")).to_be_visible()
        live(page)
        page.evaluate("window.stays = true")
        export_id = house.submit(number=2, labels={"see": "new"}, force=True)
        expect(page.locator(f"a[href='/exports/{export_id}']")).to_be_visible()
        assert page.evaluate("window.stays")


def test_an_export_is_asked_for_by_form_and_followed_to_its_file(house: House, look: Look, tmp_path: Path) -> None:
    with look(key=house.key) as looker:
        page = looker.page("/")
        page.get_by_role("link", name="New export").click()
        page.get_by_role("link", name="shop-bwp").click()
        page.get_by_label("report_type").select_option("USER_EVENTS")
        page.get_by_label("start").fill("2026-01-01")
        page.get_by_label("end").fill("2026-01-31T12:30:00Z")
        page.get_by_label("Labels").fill("see:form")
        page.get_by_role("button", name="Ask for the export").click()
        page.wait_for_url("**/exports/exp_*")
        page.evaluate("window.stays = true")
        expect(page.get_by_role("status").filter(has_text="accepted")).to_be_visible()
        expect(page.locator("#standing .title-line .state")).to_have_text("stored")
        assert page.evaluate("window.stays")
        # Each step of it stands in the waterfall, with what it took.
        lanes = page.get_by_role("list", name="Steps in order of time").locator(".lane-name")
        expect(lanes).to_contain_text(["Queue", "Start", "Build", "Download"])
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        path = tmp_path / "download"
        download.value.save_as(path)
        shown = page.locator("#sha256").inner_text()
        rows = page.locator(".preview tbody tr").count()
        export_id = page.url.partition("?")[0].rpartition("/")[2]
    stored = house.show(export_id)
    assert (stored["request"]["end"], stored["labels"]) == ("2026-01-31T12:30:00Z", {"see": "form"})
    assert hashlib.sha256(path.read_bytes()).hexdigest() == shown == stored["file"]["sha256"]
    assert path.read_bytes() == house.get(f"/v1/exports/{export_id}/file").content
    assert rows == 20
    assert download.value.suggested_filename.endswith(".csv")


@pytest.mark.slow
def test_a_form_with_a_mistake_says_where_and_keeps_what_was_typed(house: House, look: Look) -> None:
    with look(key=house.key) as looker:
        looker.forgives = (FAILED_LOADS,)
        page = looker.page("/exports/new?account=shop-bwp")
        page.get_by_label("start").fill("the day before yesterday")
        page.get_by_label("Labels").fill("see:mistake")
        page.get_by_role("button", name="Ask for the export").click()
        expect(page.get_by_role("alert")).to_be_visible()
        wrong = page.get_by_label("start")
        expect(wrong).to_have_value("the day before yesterday")
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Labels")).to_have_value("see:mistake")
        wrong.fill("2026-01-01")
        page.get_by_label("end").fill("2026-01-02")
        page.get_by_role("button", name="Ask for the export").click()
        page.wait_for_url("**/exports/exp_*")


@pytest.mark.slow
def test_a_failed_export_says_what_to_do_and_lands_after_a_retry(house: House, look: Look) -> None:
    house.fault("report_failed", "shop-bwp", count=3)
    export_id = house.submit(number=3, labels={"see": "failed"}, force=True)
    with look(key=house.key) as looker:
        page = looker.page(f"/exports/{export_id}")
        state = page.locator("#standing .title-line .state")
        expect(state).to_have_text("failed")
        error = house.show(export_id)["error"]
        expect(page.locator("#standing .notice.bad")).to_contain_text(error["code"])
        expect(page.locator("#standing .notice.bad")).to_contain_text(error["action"].replace("`", ""))
        page.get_by_role("button", name="Retry from the start").click()
        expect(state).to_have_text("stored")
        expect(page.locator("#standing .notice.bad")).to_have_count(0)
        expect(page.get_by_role("heading", name="Retried")).to_be_visible()


@pytest.mark.slow
def test_a_bulk_cancel_shows_the_count_first_and_cancels_what_the_filter_lets_through(house: House, look: Look) -> None:
    house.fault("never_finishes", "shop-bwp", count=8)
    ids = [house.submit(number=40 + each, labels={"see": "bulk"}, force=True) for each in range(8)]
    other = house.submit(number=60, labels={"see": "left"}, force=True)
    with look(key=house.key) as looker:
        page = looker.page("/exports")
        page.get_by_label("Label", exact=True).fill("see:bulk")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#rows tbody tr")).to_have_count(8)
        page.get_by_role("link", name="Cancel all that match").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cancel all that match")
        assert {house.show(each)["state"] for each in ids}.isdisjoint({"cancelled"})
        page.get_by_role("button", name="Cancel 8 exports").click()
        expect(page.get_by_role("status").filter(has_text="8 matched")).to_contain_text("8 were cancelled")
        expect(page.locator("#rows tbody .state")).to_have_text(["cancelled"] * 8)
    assert {house.show(each)["state"] for each in ids} == {"cancelled"}
    assert house.show(other)["state"] != "cancelled"
    house.post(f"/v1/exports/{other}/cancel")
    house.forget()


@pytest.mark.slow
def test_a_page_says_that_it_is_not_live_and_comes_back(house: House, look: Look) -> None:
    with look(key=house.key) as looker:
        looker.forgives = FAILED_LOADS, UNANSWERED
        page = looker.page("/exports?label=see:away")
        live(page)
        page.evaluate("window.stays = true")
        house.kill_api()
        expect(page.locator("#live-state")).to_have_text("Not live")
        live(page)
        until(house._ready, "an API that is ready")
        export_id = house.submit(number=70, labels={"see": "away"}, force=True)
        expect(page.locator(f"a[href='/exports/{export_id}']")).to_be_visible()
        assert page.evaluate("window.stays")
