"""Takes the pictures of docs/: `python -m tests.browser.screenshots`, or `make screenshots`."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page, expect

from landfall.database.keys import Scope
from tests.browser.chromium import NoChromiumError, running_chromium
from tests.browser.house import BUY_WITH_PRIME, INTELLIGEMS, House, run_house
from tests.browser.looking import DESKTOP, FAILED_LOADS, PHONE, limited_key, looking
from tests.browser.past import plant_past
from tests.stack import EXPERIENCE, ROOT, until
from tests.webhooks.receiver import Reply, receiver

_FOLDER = ROOT / "docs" / "pictures"
_MOST_BYTES = 150_000
_ATELIER, _NORTHWIND, _HARBOR, _CEDAR = "atelier-berlin", "northwind-eu", "harbor-goods", "cedar-kitchen"
_ACCOUNTS = {
    _ATELIER: INTELLIGEMS,
    _CEDAR: BUY_WITH_PRIME,
    _HARBOR: BUY_WITH_PRIME,
    _NORTHWIND: BUY_WITH_PRIME,
}


# The folder of a picture is of no interest, and another each time.
_HOME = "/var/lib/landfall"
_ELSEWHERE = """([from, to]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
}"""


@dataclass(frozen=True)
class Picture:
    """One page as it is shown: by name, address, colour scheme and size of the window; `at` is scrolled to."""

    name: str
    path: str
    scheme: str = "light"
    size: tuple[int, int] = DESKTOP
    at: str = ""


def main() -> int:
    """Furnish a house and take every picture; exit code 1 where there is no Chromium."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="pictures-") as home, running_chromium() as browser, receiver() as told:
            told.replies += [Reply(500, body=b"out of order")] * 2
            flags = ("--build-mean", "1.2", "--build-sigma", "0.6", "--bytes", "400000", "--seed", "7")
            quiet = {"LANDFALL_POLL_FLOOR_SECONDS": "0.4", "LANDFALL_WEBHOOK_TIMEOUT_SECONDS": "1"}
            with run_house(Path(home), *flags, accounts=_ACCOUNTS, receiver=told.url, settings=quiet) as house:
                pictures = _furnish(house)
                for picture in pictures:
                    _take(browser, house, picture, folder / f"{picture.name}.png")
    except NoChromiumError as error:
        sys.stderr.write(f"screenshots: {error}.\n")
        return 1
    return 0


def _furnish(house: House) -> Sequence[Picture]:
    """Have plausible things happen; returns what is to be shown of them."""
    types = ("orders", "USER_EVENTS", "USER_EVENTS", "USER_EVENTS")
    kinds = [(name, vendor, kind) for (name, vendor), kind in zip(_ACCOUNTS.items(), types, strict=True)]
    plant_past(house.home / "landfall.db", kinds)
    for name, scope in (("warehouse loader", Scope.WRITE), ("grafana", Scope.READ), ("nightly import", Scope.WRITE)):
        limited_key(house, scope, name)
    for number, kind in enumerate(("orders", "order_line_items", "order_reconciliation")):
        _submit(house, _ATELIER, {"experience_id": f"{EXPERIENCE}{number:02x}", "export_type": kind}, "weekly-report")
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    windows = [_events(start, end) for start, end in pairwise(months)]
    asked = [{"account": _NORTHWIND, "request": each, "labels": {"team": "growth"}} for each in windows]
    batch = house.post("/v1/batches", json={"exports": asked, "labels": {"backfill": "2025"}}).json()["id"]
    until(lambda: house.get(f"/v1/batches/{batch}").json()["finished_at"], "a batch that is finished")
    eventful = _eventful(house)
    failed = _failed(house)
    house.fault("never_finishes", _HARBOR, count=5)
    waiting = [
        _submit(house, _HARBOR, _events("2026-01-01", f"2026-01-{day:02}"), "daily-sync", priority=day % 3)
        for day in range(2, 10)
    ]
    house.wait_for(waiting[0], "exporting")
    house.post("/v1/webhooks/ops/test").raise_for_status()
    delivery = house.get("/v1/webhooks/deliveries").json()["items"][0]["id"]
    return list(_pictures(eventful, failed, waiting[-1], str(batch), str(delivery)))


def _eventful(house: House) -> str:
    """An export whose start was throttled, and whose download broke off."""
    house.fault("throttle", _NORTHWIND, count=2)
    house.fault("goes_back", _NORTHWIND, operation="poll", seconds=3)
    house.fault("download_dropped", _NORTHWIND)
    house.fault("slow_answer", _NORTHWIND, operation="download", seconds=1)
    export_id = _submit(house, _NORTHWIND, _events("2026-01-01", "2026-02-01"), "monthly-close")
    house.wait_for(export_id, "stored")
    return export_id


def _failed(house: House) -> str:
    """Three that failed: reports that the vendor could not build, a refused request, refused credentials; the id of the first."""
    house.fault("report_failed", _CEDAR, count=3)
    first = _submit(house, _CEDAR, _events("2026-01-01", "2026-01-08"), "weekly-report")
    house.wait_for(first, "failed")
    house.fault("server_error", _NORTHWIND, operation="start", status=400)
    refused = _submit(house, _NORTHWIND, _events("2026-01-08", "2026-01-15"), "weekly-report")
    house.wait_for(refused, "failed")
    house.fault("forbidden", _CEDAR, operation="start")
    refused = _submit(house, _CEDAR, _events("2026-01-08", "2026-01-15"), "weekly-report")
    house.wait_for(refused, "failed")
    return first


def _events(start: str, end: str) -> dict[str, str]:
    return {"report_type": "USER_EVENTS", "start": start, "end": end}


def _submit(house: House, account: str, request: dict[str, Any], job: str, priority: int = 0) -> str:
    labels = {"team": "growth", "job": job}
    asked = {"account": account, "request": request, "labels": labels, "priority": priority}
    return str(house.post("/v1/exports", json=asked).raise_for_status().json()["id"])


def _pictures(eventful: str, failed: str, waiting: str, batch: str, delivery: str) -> Iterator[Picture]:
    export = f"/exports/{eventful}"
    yield Picture("overview", "/")
    yield Picture("overview-dark", "/", scheme="dark")
    yield Picture("overview-phone", "/", size=PHONE)
    yield Picture("exports", "/exports")
    yield Picture("exports-phone", "/exports?state=failed&state=stored", size=PHONE, at="#rows")
    yield Picture("export", export)
    yield Picture("export-dark", export, scheme="dark")
    yield Picture("export-phone", export, size=PHONE)
    yield Picture("export-file", export, size=(1280, 560), at="#file")
    yield Picture("export-failed", f"/exports/{failed}")
    yield Picture("export-waiting", f"/exports/{waiting}")
    yield Picture("new-export", f"/exports/new?account={_ATELIER}")
    yield Picture("cancel-all", f"/exports/cancel?account={_HARBOR}")
    yield Picture("batches", "/batches")
    yield Picture("batch", f"/batches/{batch}")
    yield Picture("accounts", "/accounts")
    yield Picture("webhooks", "/webhooks")
    yield Picture("delivery", f"/webhooks/deliveries/{delivery}")
    yield Picture("workers", "/workers")
    yield Picture("keys", "/keys")
    yield Picture("api", "/docs")
    yield Picture("login", "/login")


def _take(browser: Browser, house: House, picture: Picture, path: Path) -> None:
    key = "" if picture.name == "login" else house.key
    with looking(browser, house, key=key, size=picture.size, color_scheme=picture.scheme) as looker:
        looker.forgives = (FAILED_LOADS,)
        page = looker.page(picture.path)
        _settle(page, picture)
        page.evaluate(_ELSEWHERE, [str(house.home), _HOME])
        page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    sys.stdout.write(f"{path.name:24}{size / 1000:6.0f} kB{' (too large)' if size > _MOST_BYTES else ''}\n")


def _settle(page: Page, picture: Picture) -> None:
    """Wait until everything stands where it will."""
    if picture.name == "api":
        expect(page.locator(".opblock").first).to_be_visible()
    elif picture.name != "login" and page.locator("#live").count() and not page.locator("[data-ended]").count():
        expect(page.locator("#live-state")).to_have_text("Live")
    if picture.at:
        page.locator(picture.at).evaluate("each => each.scrollIntoView({block: 'start'})")
    page.evaluate("() => new Promise(requestAnimationFrame)")


if __name__ == "__main__":
    sys.exit(main())
