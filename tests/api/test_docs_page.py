"""Promises of the page that lists the API, as a real browser shows it."""

from collections.abc import Iterator
from shutil import which
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests import plain_http
from tests.stack import ROOT, Stack

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DIALOG = ".auth-container"
AXE = ROOT / "tests" / "browser" / "vendor" / "axe.min.js"
# Swagger UI puts a link into each button that opens an operation.
SWAGGERS_OWN = {"nested-interactive"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)} is in PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def told() -> list[str]:
    """What the browser complains of, and where it goes besides our own origin."""
    return []


@pytest.fixture
def docs(browser: Browser, api: Stack, told: list[str]) -> Iterator[Page]:
    """A page of somebody who is logged in, at the first view of /docs."""
    with browser.new_context(base_url=api.url) as context:
        context.request.post("/login", form={"key": api.key, "next": "/docs"}, max_redirects=0)
        page = context.new_page()

        def note(message: ConsoleMessage) -> None:
            told.append(f"{message.type}: {message.text}")

        page.on("console", note)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(f"{api.url}/") else told.append(request.url))
        page.goto("/docs")
        page.locator(".opblock").first.wait_for()
        yield page


def authorize(page: Page, key: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(f"{DIALOG} input").fill(key)
    page.locator(f"{DIALOG} button[type=submit]").click()
    page.locator(".btn-done").click()


def try_out(page: Page, operation: str) -> int:
    """Execute an operation; returns the status that the page shows."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.locator(".execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status").first
    status.wait_for()
    return int(status.inner_text().split()[0])


def test_it_lists_every_operation_and_loads_nothing_from_elsewhere(docs: Page, api: Stack, told: list[str]) -> None:
    document = api.get("/v1/openapi.json").json()
    assert docs.title() == "API · Landfall"
    assert docs.locator(".opblock").count() == sum(len(methods) for methods in document["paths"].values())
    # What the policy forbids, or what fails to load, stands in the console.
    assert told == []


@pytest.mark.slow
def test_no_part_of_it_breaks_the_policy_when_it_is_opened(docs: Page, told: list[str]) -> None:
    docs.locator("#operations-exports-exports_submit .opblock-summary-control").click()
    docs.locator("#operations-exports-exports_submit .opblock-body textarea").first.wait_for()
    docs.locator(".models button").first.click()
    docs.locator(".models .json-schema-2020-12").first.wait_for()
    assert told == []


@pytest.mark.slow
def test_a_key_that_is_pasted_reaches_the_api_and_is_shown_nowhere(docs: Page, api: Stack, told: list[str]) -> None:
    authorize(docs, api.key)
    assert try_out(docs, "accounts-accounts_list_accounts") == 200
    assert "Bearer lf_…" in docs.locator(".curl-command").inner_text()
    assert api.key not in docs.content()
    assert docs.evaluate("localStorage.length + sessionStorage.length") == 0
    assert told == []


@pytest.mark.slow
def test_being_logged_in_alone_opens_nothing_of_the_api(docs: Page) -> None:
    assert try_out(docs, "accounts-accounts_list_accounts") == 401


@pytest.mark.slow
def test_a_link_leads_to_one_operation(docs: Page) -> None:
    docs.goto("about:blank")
    docs.goto("/docs#/keys/keys_create")
    docs.locator("#operations-keys-keys_create .opblock-body").wait_for()
    assert docs.locator(".opblock-body").count() == 1


@pytest.mark.slow
def test_it_is_dark_where_the_system_is(docs: Page) -> None:
    def background() -> Any:
        return docs.evaluate("getComputedStyle(document.body).backgroundColor")

    light = background()
    docs.emulate_media(color_scheme="dark")
    docs.locator("html.dark-mode").wait_for()
    assert background() != light


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(docs: Page, scheme: Literal["light", "dark"]) -> None:
    docs.emulate_media(color_scheme=scheme)
    # Colours that are still on their way from one scheme to the other are nobody's.
    docs.reload()
    docs.locator(".opblock").first.wait_for()
    docs.evaluate(AXE.read_text(encoding="utf-8"))
    faults = docs.evaluate("axe.run()")["violations"]
    grave = [(each["id"], each["nodes"][0]["html"]) for each in faults if each["impact"] in {"serious", "critical"}]
    assert [each for each in grave if each[0] not in SWAGGERS_OWN] == []


@pytest.mark.parametrize("path", ["/docs", "/docs/openapi.json"])
def test_nobody_else_may_look_at_it(api: Stack, path: str) -> None:
    assert plain_http.get(api.url + path).status_code == 401
    assert api.get(path).status_code == 200


def test_it_reads_the_same_document_that_a_key_gets(api: Stack) -> None:
    assert api.get("/docs/openapi.json").json() == api.get("/v1/openapi.json").json()


def test_its_policy_makes_no_exception(api: Stack) -> None:
    policy = api.get("/docs").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
