"""Promises that docs/how-to/adding-a-vendor.md works as it is written."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr

import landfall.vendors
from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    RateLimited,
    ReportLost,
    RequestRefused,
    Throttled,
    VendorUnavailable,
)
from landfall.vendors.schemas import VendorSchemas
from landfall.vendors.shared import Shared
from landfall.vendors.vendor import Finished, Pending, Started, Vendor
from tests.exports.jobs import make_job
from tests.vendors.odd_server import OddServer, answer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "adding-a-vendor.md"
KEY = "planted-acme-key"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The folder that the page tells to write, imported."""
    blocks = re.findall(r"<!-- (acme/\w+\.py) -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    (tmp_path / "acme").mkdir()
    for name, code in blocks:
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.setattr(landfall.vendors, "__path__", [*landfall.vendors.__path__, str(tmp_path)])
    yield importlib.import_module("landfall.vendors.acme.client")
    for module in [name for name in sys.modules if name.startswith("landfall.vendors.acme")]:
        del sys.modules[module]
    del landfall.vendors.acme  # type: ignore[attr-defined]  # it came with the import


def client_of(acme: ModuleType, url: str) -> Vendor:
    account = acme.AcmeAccount.model_validate({"vendor": "acme", "base_url": url, "api_key": {"env": "ACME_KEY"}})
    client: Vendor = acme.Acme(account, SecretStr(KEY), Shared())
    return client


async def test_the_page_s_vendor_starts_polls_and_links(acme: ModuleType) -> None:
    schemas = sys.modules["landfall.vendors.acme"].SCHEMAS
    assert isinstance(schemas, VendorSchemas)
    assert schemas.starts_repeat is False
    assert schemas.request.report_types == ("sales", "returns")
    job = make_job(request=schemas.request.example)
    status = [answer(body={"status": word, "seconds": 42}) for word in ("building", "odd", "done")]
    link = answer(body={"url": "https://files.acme.example/1.csv"})
    async with OddServer(reports=[answer(body={"id": "r-1"})], status=status, link=[link]) as server:
        client = client_of(acme, server.url)
        await client.prepare()
        assert not server.asked
        assert await client.start(job) == Started(report_id="r-1")
        told = [await client.report_status(job) for _ in status]
        assert told == [Pending(), Pending(note="unknown status 'odd'"), Finished(build_seconds=42)]
        assert (await client.download_link(job)).url == "https://files.acme.example/1.csv"
        await client.aclose()
    assert server.asked[0].json == {"kind": "sales", "start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, CredentialsRefused),
        (410, ReportLost),
        (429, RateLimited),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
    ],
)
async def test_the_page_s_faults_become_our_errors(acme: ModuleType, status: int, error: Any) -> None:
    async with OddServer(answer(status, {"message": f"you sent {KEY}"})) as server:
        client = client_of(acme, server.url)
        with pytest.raises(error) as raised:
            await client.report_status(make_job(report_id="r-1"))
        await client.aclose()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, Throttled), (429, RateLimited), (500, AnswerLost), (503, AnswerLost), (307, VendorUnavailable)],
)
async def test_the_page_s_start_tells_what_it_may_have_begun(acme: ModuleType, status: int, error: Any) -> None:
    job = make_job(request=sys.modules["landfall.vendors.acme"].SCHEMAS.request.example)
    async with OddServer(answer(status, headers={"retry-after": "9"})) as server:
        client = client_of(acme, server.url)
        with pytest.raises(error) as raised:
            await client.start(job)
        await client.aclose()
    assert raised.value.delay == 9


@pytest.mark.parametrize("seconds", [None, [], "42", -1, 0, float("nan"), float("inf"), 10**400])
async def test_the_page_s_vendor_believes_no_odd_build_time(acme: ModuleType, seconds: object) -> None:
    async with OddServer(answer(body={"status": "done", "seconds": seconds})) as server:
        client = client_of(acme, server.url)
        assert await client.report_status(make_job(report_id="r-1")) == Finished()
        await client.aclose()


async def test_the_page_s_vendor_that_takes_nothing_more_asks_for_a_rest(acme: ModuleType) -> None:
    said = answer(body={"status": "building"}, headers={"x-remaining": "0", "retry-after": "7"})
    async with OddServer(said) as server:
        client = client_of(acme, server.url)
        assert await client.report_status(make_job(report_id="r-1")) == Pending(rest=7)
        await client.aclose()


def test_every_file_and_name_that_the_page_points_to_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:landfall|tests|sandbox)/[\w/.]+)`", page):
        assert (ROOT / path).exists(), path
    catalog = (ROOT / "landfall/vendors/catalog.py").read_text(encoding="utf-8")
    clients = (ROOT / "landfall/vendors/clients.py").read_text(encoding="utf-8")
    assert '"intelligems": intelligems.SCHEMAS,' in catalog
    assert '"intelligems": Intelligems.connect,' in clients
    assert '"buy_with_prime": BuyWithPrime.connect,' in clients
