"""Measures the pages with 200 000 exports behind them, as a browser asks for them: `python -m benchmarks.pages`."""

import argparse
import http.client
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from benchmarks.scale import furnish, on_postgres, on_sqlite, run_on
from landfall.settings import Settings
from tests.database import many_hours
from tests.database.many_exports import COMMON_VENDOR, account_name, export_id
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox

_ACCOUNTS = 16
_HOURS = 30 * 24
_UNDER_WAY = 60
_WARM_UP, _REPEAT = 3, 20
_NOWHERE = "http://127.0.0.1:9"
_ACCOUNT = """
[accounts.{name}]
vendor = "{vendor}"
client_id = {{ env = "BENCH_SECRET" }}
client_secret = {{ env = "BENCH_SECRET" }}
target_id = "bench"
"""


def main() -> int:
    """Fill a database, log in, ask for every page, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on Postgres instead of SQLite")
    parser.add_argument("--exports", type=int, default=200_000, help="ended exports in the database")
    arguments = parser.parse_args()
    with on_postgres() if arguments.postgres else on_sqlite() as make:
        url = make()
        with _house(url, arguments.exports) as house, _browser(house) as browser:
            _say("| page | median ms | slowest ms | kB |\n| --- | ---: | ---: | ---: |")
            for name, path in _pages(house, arguments.exports, browser).items():
                _say(_row(name, path, browser))
    _say(f"\n{arguments.exports} exports, load average {os.getloadavg()[0]:.1f}")
    return 0


@contextmanager
def _house(url: str, exports: int) -> Iterator[Stack]:
    """An API without a worker over a filled database, with a queue and a batch."""
    settings = Settings(database_url=url)
    furnish(settings, exports)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    run_on(settings, [partial(many_hours.fill, newest=hour, first=0, last=_HOURS, accounts=_ACCOUNTS)])
    names = map(account_name, range(_ACCOUNTS))
    accounts = "".join(_ACCOUNT.format(name=name, vendor=COMMON_VENDOR) for name in names)
    vendors = Sandbox(f"{_NOWHERE}/intelligems", f"{_NOWHERE}/buywithprime", f"{_NOWHERE}/_sandbox")
    given = {"LANDFALL_DATABASE_URL": url, "BENCH_SECRET": "bench", "LANDFALL_LOG_LEVEL": "info"}
    with TemporaryDirectory(prefix="bench-") as folder, run_stack(Path(folder), vendors, accounts, given) as stack:
        stack.start_api(LANDFALL_API_RATE_LIMIT="0")
        yield stack


class Browser:
    """One connection that is logged in."""

    def __init__(self, house: Stack) -> None:
        """Log in with the key of the house."""
        self._connection = http.client.HTTPConnection("127.0.0.1", house.port)
        form = {"content-type": "application/x-www-form-urlencoded", "origin": house.url}
        self._connection.request("POST", "/login", urlencode({"key": house.key}), form)
        answer = self._connection.getresponse()
        answer.read()
        self._headers = {"accept": "text/html", "cookie": (answer.getheader("set-cookie") or "").partition(";")[0]}

    def get(self, path: str) -> bytes:
        """The page. Raises RuntimeError where it is none."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:500]!r}")
        return body

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def _browser(house: Stack) -> Iterator[Browser]:
    browser = Browser(house)
    yield browser
    browser.close()


def _pages(house: Stack, exports: int, browser: Browser) -> Mapping[str, str]:
    events = {"report_type": "USER_EVENTS", "start": "2026-01-01"}
    every = [
        {"account": account_name(1), "request": {**events, "end": f"2026-01-02T00:{minute:02}:00Z"}}
        for minute in range(_UNDER_WAY)
    ]
    batch = house.post("/v1/batches", json={"exports": every}).raise_for_status().json()["id"]
    waiting = house.get("/v1/exports", params={"state": "queued"}).json()["items"][0]["id"]
    older = browser.get("/exports").decode().partition('class="pager"')[2].partition('href="')[2].partition('"')[0]
    return {
        "overview": "/",
        "overview, 30 days": "/?range=30d",
        "exports": "/exports",
        "exports, the second page": older.replace("&amp;", "&"),
        "exports of an account that failed": f"/exports?state=failed&account={account_name(3)}",
        "exports of a label": "/exports?label=tenant:t1",
        "cancel all of an account: the count": f"/exports/cancel?account={account_name(1)}",
        "retry all that failed: the count": "/exports/retry?state=failed",
        "one export, stored": f"/exports/{export_id(exports // 3)}",
        "one export, in the queue": f"/exports/{waiting}",
        "new export": f"/exports/new?account={account_name(1)}",
        "batches": "/batches",
        "one batch": f"/batches/{batch}",
        "accounts": "/accounts",
        "webhooks": "/webhooks",
        "workers": "/workers",
        "keys": "/keys",
    }


def _row(name: str, path: str, browser: Browser) -> str:
    taken, body = [], b""
    for number in range(-_WARM_UP, _REPEAT):
        began = time.perf_counter()
        body = browser.get(path)
        if number >= 0:
            taken.append(1000 * (time.perf_counter() - began))
    return f"| {name} | {statistics.median(taken):.1f} | {max(taken):.1f} | {len(body) / 1000:.1f} |"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
