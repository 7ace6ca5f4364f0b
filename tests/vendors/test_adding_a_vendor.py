"""Promises that docs/adding-a-vendor.md works as it is written."""

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
from landfall.exports.errors import CredentialsRefused, ReportLost, RequestRefused, Throttled
from landfall.vendors.schemas import VendorSchemas
from landfall.vendors.vendor import Finished, Pending, Vendor
from tests.exports.jobs import make_job
from tests.vendors.odd_server import OddServer, answer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-vendor.md"
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
    client: Vendor = acme.Acme(account, SecretStr(KEY))
    return client


async def test_the_page_s_vendor_starts_polls_and_links(acme: ModuleType) -> None:
    schemas = sys.modules["landfall.vendors.acme"].SCHEMAS
    assert isinstance(schemas, VendorSchemas)
    job = make_job(request=schemas.request.example)
    status = [answer(body={"status": word}) for word in ("building", "odd", "done")]
    link = answer(body={"url": "https://files.acme.example/1.csv"})
    async with OddServer(reports=[answer(body={"id": "r-1"})], status=status, link=[link]) as server:
        client = client_of(acme, server.url)
        assert (await client.start(job)).report_id == "r-1"
        told = [await client.report_status(job) for _ in status]
        assert told == [Pending(), Pending(note="unknown status 'odd'"), Finished()]
        assert (await client.download_link(job)).url == "https://files.acme.example/1.csv"
        await client.aclose()
    assert server.asked[0].json == {"kind": "sales", "start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("status", "error"), [(400, RequestRefused), (401, CredentialsRefused), (410, ReportLost), (429, Throttled)]
)
async def test_the_page_s_faults_become_our_errors(acme: ModuleType, status: int, error: Any) -> None:
    async with OddServer(answer(status, {"message": f"you sent {KEY}"})) as server:
        client = client_of(acme, server.url)
        with pytest.raises(error) as raised:
            await client.report_status(make_job(report_id="r-1"))
        await client.aclose()
    assert KEY not in str(raised.value)


def test_every_file_and_name_that_the_page_points_to_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:landfall|tests|sandbox)/[\w/.]+)`", page):
        assert (ROOT / path).exists(), path
    catalog = (ROOT / "landfall/vendors/catalog.py").read_text(encoding="utf-8")
    clients = (ROOT / "landfall/vendors/clients.py").read_text(encoding="utf-8")
    assert '"intelligems": intelligems.SCHEMAS,' in catalog
    assert '"intelligems": Intelligems.connect,' in clients
    sharing = clients.partition("_SHARING_CLIENTS: ")[2]
    assert '"buy_with_prime": BuyWithPrime.connect,' in sharing
