"""Fetches files in tests, into memory."""

import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from landfall.net.carrier import Carrier
from landfall.vendors.account import Account
from landfall.vendors.vendor import Link
from tests.worker.file_server import FileServer, Script
from worker.transfer.course import Whole
from worker.transfer.fetch import Transfer
from worker.transfer.patience import Patience

SIGNATURE = "X-Amz-Signature=PlantedSignature"
QUICK = Patience(connect=5.0, silence=5.0, window=60.0, pauses=(0.0,) * 5)


@dataclass
class MemorySink:
    """A sink that keeps all, and notes where each body began."""

    content: bytearray = field(default_factory=bytearray)
    tag: str | None = None
    begun: list[str | None] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    largest: int = 0

    @property
    def held(self) -> int:
        return len(self.content)

    async def begin(self, tag: str | None, digests: Collection[str]) -> None:
        self.content.clear()
        self.tag = tag
        self.digests = set(digests)
        self.begun.append(tag)

    async def keep(self, chunk: bytes) -> None:
        self.content += chunk
        self.largest = max(self.largest, len(chunk))


def account(**settings: Any) -> Account:
    """An account that allows what runs on this machine."""
    return Account(**{"vendor": "none", "base_url": "https://vendor.example", "allow_private_hosts": True, **settings})


async def fetch(url: str, sink: MemorySink, **settings: Any) -> Whole:
    """Fetch a signed link to `url`; `patience` and the account's settings may be given."""
    patience = settings.pop("patience", QUICK)
    async with Carrier() as carrier, Carrier(public_only=True) as public_carrier:
        transfer = Transfer(account(**settings), carrier, public_carrier, patience=patience)
        return await transfer.fetch(Link(f"{url}?{SIGNATURE}", datetime.now(UTC)), sink)


@dataclass
class Fetched:
    """What came of a fetch from a scripted server."""

    sink: MemorySink
    ranges: list[str | None]
    requests: int
    whole: Whole | None = None
    error: Exception | None = None

    @property
    def content(self) -> bytes:
        return bytes(self.sink.content)


async def fetched(*scripts: Script, sink: MemorySink | None = None, **settings: Any) -> Fetched:
    """Fetch from a server that plays the scripts."""
    sink = sink or MemorySink()
    whole, error = None, None
    async with FileServer(*scripts) as server:
        try:
            whole = await fetch(f"{server.url}/report.csv", sink, **settings)
        except Exception as raised:  # noqa: BLE001 - the test looks at it
            error = raised
    if error is not None:
        assert "PlantedSignature" not in "".join(traceback.format_exception(error))
    if whole is not None:
        assert set(whole.checksums) <= sink.digests
    return Fetched(sink, [asked.headers.get("range") for asked in server.asked], len(server.asked), whole, error)
