"""Promises of every page: readable by everybody, on a phone, in the dark, without scripts, and safe from what is planted."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from landfall.database.keys import Scope
from tests.browser.axe import grave_faults
from tests.browser.conftest import Look
from tests.browser.furnishing import PLANTED, Furnished, furnish
from tests.browser.house import QUIET, House
from tests.browser.looking import DESKTOP, FAILED_LOADS, PHONE, limited_key, looking

# What sticks out of the page to the right, if the page can be scrolled that way.
_OVERFLOW = """async () => {
  // Plots take up their new size in the frame after.
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const over = [...document.body.querySelectorAll('*')].filter((each) => each.getBoundingClientRect().right > most + 1);
  return over.filter((each) => !each.closest('.table, pre, nav, svg')).map((each) => each.outerHTML.slice(0, 200));
}"""
_COLOURS = (
    "() => { const style = getComputedStyle(document.body); return [style.color, style.backgroundColor].join(); }"
)


# A walk over all pages, in each scheme and width: half a minute.
pytestmark = pytest.mark.slow


@dataclass
class Seen:
    """What one page looked like: its faults in each scheme, what sticks out on a phone, colours, headings."""

    grave: dict[str, list[str]] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    sticks_out: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    planted: int = 0


@pytest.fixture(scope="module")
def furnished(house: House) -> Furnished:
    return furnish(house)


@pytest.fixture(scope="module")
def seen(browser: Browser, house: House, furnished: Furnished) -> dict[str, Seen]:
    """One look at every page serves all promises: to load them is what takes time."""
    with looking(browser, house, key=house.key) as looker:
        page = looker.page("/")
        page.on("dialog", lambda dialog: dialog.dismiss())
        found = {}
        for name, path in furnished.pages.items():
            go(page, house, path)
            found[name] = observe(page)
        looker.forgives = (FAILED_LOADS,)
        for name, path in {"not found": "/nothing", "not understood": "/?unknown=1"}.items():
            page.goto(house.url + path)
            found[name] = observe(page)
    with looking(browser, house) as looker:
        return found | {"log in": observe(looker.page("/login"))}


def go(page: Page, house: House, path: str) -> None:
    answer = page.goto(house.url + path)
    assert answer
    assert answer.status == 200, (path, page.locator("main").inner_text())


def observe(page: Page) -> Seen:
    seen = Seen(headings=headings(page), planted=page.locator("img[src=x]").count())
    page.emulate_media(color_scheme="light")
    seen.colours["light"], seen.grave["light"] = page.evaluate(_COLOURS), grave_faults(page)
    page.emulate_media(color_scheme="dark")
    # What stands there is the same, but for its colours.
    seen.colours["dark"], seen.grave["dark"] = page.evaluate(_COLOURS), grave_faults(page, "color-contrast")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    seen.sticks_out = page.evaluate(_OVERFLOW)
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    return seen


def headings(page: Page) -> list[str]:
    return page.locator("h1, h2, h3").all_text_contents()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_grave_fault(seen: dict[str, Seen], scheme: str) -> None:
    assert {name: each.grave[scheme] for name, each in seen.items() if each.grave[scheme]} == {}


def test_nothing_is_wider_than_a_phone(seen: dict[str, Seen]) -> None:
    assert {name: each.sticks_out for name, each in seen.items() if each.sticks_out} == {}


def test_who_wants_it_dark_gets_it_dark(seen: dict[str, Seen]) -> None:
    light, dark = ({each.colours[scheme] for each in seen.values()} for scheme in ("light", "dark"))
    assert (len(light), len(dark)) == (1, 1)
    assert light != dark


def test_what_is_planted_shows_as_text(house: House, look: Look, furnished: Furnished, seen: dict[str, Seen]) -> None:
    assert {name for name, each in seen.items() if each.planted} == set()
    with look(key=house.key) as looker:
        page = looker.page(f"/exports/{furnished.stored}")
        expect(page.get_by_text(PLANTED)).to_be_visible()


def test_everything_can_be_read_without_scripts(
    house: House, look: Look, furnished: Furnished, seen: dict[str, Seen]
) -> None:
    with look(key=house.key, java_script_enabled=False) as looker:
        page = looker.page("/workers")
        for name, path in furnished.pages.items():
            go(page, house, path)
            assert headings(page) == seen[name].headings, name
            assert not page.locator("#live-state").is_visible(), name


def test_the_page_of_the_api_loads_nothing_from_elsewhere(house: House, look: Look) -> None:
    with look(key=house.key) as looker:
        page = looker.page("/docs")
        expect(page.locator(".opblock").first).to_be_visible()


def test_where_nothing_has_happened_a_page_says_what_would_stand_there(house: House, look: Look) -> None:
    with look(key=limited_key(house, Scope.WRITE, accounts=[QUIET])) as looker:
        page = looker.page("/")
        for path, told in {
            "/": "Nothing has failed",
            "/exports": "No exports yet",
            "/batches": "No batches yet",
            "/webhooks": "Nothing was told yet",
        }.items():
            go(page, house, path)
            expect(page.locator(".empty .title", has_text=told)).to_be_visible()
            assert grave_faults(page) == [], path
