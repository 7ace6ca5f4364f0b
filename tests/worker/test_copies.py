"""Promises of the download step about the Parquet copy: the file is fetched once and stored, whatever becomes of its copy."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import Advanced, Outcome, Retrying
from landfall.exports.states import State
from landfall.net.carrier import Carrier
from landfall.storage.disk import DiskStore
from landfall.storage.encodings import Encoding
from landfall.vendors.vendor import Finished, Link, ReportStatus, Started
from tests.asynchronous import run
from tests.exports.jobs import make_job
from tests.worker.fetching import QUICK, account
from tests.worker.file_server import FileServer, Script, honest
from worker.shelf import Shelf
from worker.steps.download import download
from worker.transfer.fetch import Transfer

SOUND = b"id,x\n1,a\n"
REFUSED = b"id,x\n1,private\rtext\n"
JOB = make_job(report_id="r", state=State.READY, attempts=1, leased=True)


async def _open() -> None:
    """Let everything be published."""


@dataclass
class LinkingVendor:
    """Hands out links to one file."""

    url: str = ""
    links: int = 0

    async def prepare(self) -> None:
        pass

    async def start(self, job: ExportJob) -> Started:
        raise AssertionError(job.id)

    async def report_status(self, job: ExportJob) -> ReportStatus:  # noqa: ARG002 - the protocol's signature
        return Finished()

    async def download_link(self, job: ExportJob) -> Link:  # noqa: ARG002 - the protocol's signature
        self.links += 1
        return Link(self.url, datetime.now(UTC))

    async def aclose(self) -> None:
        pass


@dataclass
class Bench:
    """The download step of one account that wants copies."""

    shelf: Shelf
    transfer: Transfer
    vendor: LinkingVendor
    files: Path = field(default_factory=Path)

    async def attempt(self, **changes: Any) -> Outcome:
        return await download(replace(JOB, **changes), self.vendor, self.transfer, self.shelf, _open)

    def promised(self) -> bool:
        """Whether the manifest of the CSV names a copy."""
        (path,) = self.files.rglob("exp_1.csv*.manifest.json")
        return "parquet" in json.loads(path.read_bytes())["extra"]

    @property
    def names(self) -> list[str]:
        found = (path for path in self.files.rglob("exp_1*") if path.is_file())
        return sorted(path.name for path in found if not path.name.endswith(".json"))


@asynccontextmanager
async def bench(folder: Path, *scripts: Script, at_rest: Encoding = "identity") -> AsyncIterator[Bench]:
    files, workspace = folder / "files", folder / "home" / "tmp"
    shelf = Shelf(DiskStore(files), "{account}/{export_id}.csv", 0, workspace, at_rest=at_rest, parquet=True)
    async with FileServer(*scripts) as server, Carrier() as carrier, Carrier(public_only=True) as public:
        transfer = Transfer(account(), carrier, public, patience=QUICK)
        yield Bench(shelf, transfer, LinkingVendor(f"{server.url}/r.csv"), files)


@pytest.mark.parametrize("at_rest", ["identity", "gzip"])
def test_a_refused_copy_is_told_with_the_stored_file(tmp_path: Path, at_rest: Encoding) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, honest(REFUSED), at_rest=at_rest) as given:
            outcome = await given.attempt()
            assert isinstance(outcome, Advanced)
            assert outcome.to is State.STORED
            assert outcome.artifact
            assert outcome.artifact.rows == 1
            assert outcome.no_copy
            assert outcome.no_copy.code == "copy_refused"
            assert "private" not in outcome.no_copy.message
            assert not given.promised()
            assert given.names == ["exp_1.csv" if at_rest == "identity" else "exp_1.csv.gz"]

    run(scenario())


def test_a_copy_that_fails_for_a_while_is_made_later_without_a_second_download(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, honest(SOUND)) as given:
            in_the_way = tmp_path / "home"
            in_the_way.write_bytes(b"")
            failed = await given.attempt()
            assert isinstance(failed, Retrying)
            assert failed.fault.code == "storage_unavailable"
            assert failed.published
            assert not given.promised()
            in_the_way.unlink()
            stored = await given.attempt(attempts=2, error=failed.fault)
            assert stored == Advanced(to=State.STORED, artifact=failed.published, asked=False)
            assert given.vendor.links == 1
            assert given.promised()
            assert given.names == ["exp_1.csv", "exp_1.parquet"]

    run(scenario())


def test_a_copy_that_workers_die_of_is_not_tried_for_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, honest(SOUND)) as given:
            (tmp_path / "home").write_bytes(b"")
            await given.attempt()
            error = Fault("storage_unavailable", "for a while", "Wait.")
            assert isinstance(await given.attempt(attempts=4, error=error), Retrying)
            killed = await given.attempt(attempts=4)
            assert isinstance(killed, Advanced)
            assert killed.no_copy
            assert "3 attempts ended with their worker" in killed.no_copy.message
            assert given.names == ["exp_1.csv"]

    run(scenario())


def test_a_mistake_of_ours_costs_the_copy_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.storage.parquet.ParquetWriter.__init__", lambda *_: 1 / 0)

    async def scenario() -> None:
        async with bench(tmp_path, honest(SOUND)) as given:
            outcome = await given.attempt()
            assert isinstance(outcome, Advanced)
            assert outcome.no_copy
            assert "the worker's log tells more" in outcome.no_copy.message

    run(scenario())


def test_a_file_without_columns_has_no_copy_and_says_nothing_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, honest(b"")) as given:
            outcome = await given.attempt()
            assert isinstance(outcome, Advanced)
            assert outcome.artifact
            assert (outcome.artifact.empty, outcome.no_copy) == (True, None)

    run(scenario())


def test_a_file_that_was_published_by_a_worker_that_died_is_not_fetched_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, honest(SOUND)) as given:
            plain = replace(given, shelf=replace(given.shelf, parquet=False))
            first = await plain.attempt()
            assert isinstance(first, Advanced)
            again = replace(first, asked=False)
            assert await plain.attempt(attempts=2) == again
            assert await plain.attempt(attempts=1, deferrals=1) == again
            assert plain.vendor.links == 1

    run(scenario())
