"""Looks at the pages with a real browser, and writes down whatever it has to complain of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from landfall.database.keys import Scope
from tests.pages.browsing import Visitor
from tests.stack import Stack

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
DESKTOP, PHONE = (1280, 800), (375, 812)
# Chromium writes a line into the console for every answer that is no success, a page's own included.
FAILED_LOADS = "Failed to load resource"
# htmx does where no answer comes at all.
UNANSWERED = "htmx:"
_INSIDE = frozenset({"data", "blob", "about"})


@dataclass
class Looker:
    """One browser's profile, with the complaints of all its pages."""

    context: BrowserContext
    house: Stack
    complaints: list[str] = field(default_factory=list)
    forgives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(f"error in {error.page}: {error.error}"))
        self.context.on("request", self._see)

    def page(self, path: str = "/") -> Page:
        """A new page at this path."""
        page = self.context.new_page()
        page.goto(self.house.url + path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        forgiven = any(text in message.text for text in self.forgives)
        if message.type in {"error", "warning"} and not forgiven:
            self.complaints.append(f"{message.type} at {message.location.get('url')}: {message.text}")

    def _see(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _INSIDE and f"{address.scheme}://{address.netloc}" != self.house.url:
            self.complaints.append(f"a request to another origin: {request.url}")


@contextmanager
def looking(
    browser: Browser, house: Stack, *, key: str = "", size: tuple[int, int] = DESKTOP, **options: Any
) -> Iterator[Looker]:
    """A profile that is logged in with the key, if there is one; it must not have had anything to complain of."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
    try:
        if key:
            context.add_cookies(
                [{"name": name, "value": value, "url": house.url} for name, value in _session(house, key)]
            )
        looker = Looker(context, house)
        yield looker
        assert not looker.complaints, looker.complaints
    finally:
        context.close()


def limited_key(house: Stack, scope: Scope, name: str = "looks on", accounts: list[str] | None = None) -> str:
    """The text of a new key that is made over the API."""
    made = house.post("/v1/keys", json={"name": name, "scope": scope, "accounts": accounts})
    return str(made.raise_for_status().json()["key"])


def _session(house: Stack, key: str) -> list[tuple[str, str]]:
    with Visitor(house) as visitor:
        assert visitor.log_in(key).status_code == 303
        return [(cookie.name, cookie.value or "") for cookie in visitor.client.cookies.jar]
