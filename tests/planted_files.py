"""Plants stored exports, their files and manifests into a home, as a worker would have left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from landfall.database import accounts, ledger
from landfall.database.sqlite import open_engine
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.states import State
from landfall.storage.manifest import manifest
from landfall.storage.measure import Measure
from landfall.storage.store import open_store
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import make_job

CONTENT = b'id,text\n1,"a, b"\n2,"two\nlines"\n3,\xc3\xa9\n'


def make_home(home: Path) -> None:
    """A migrated database with the accounts of LIMITS."""
    home.mkdir(parents=True)
    migrated(home / "landfall.db")
    with transaction(home) as connection:
        accounts.register(connection, LIMITS)


@contextmanager
def transaction(home: Path) -> Iterator[Connection]:
    """One transaction on the home's database."""
    engine = open_engine(home / "landfall.db", "BEGIN IMMEDIATE", size=1)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def plant(
    home: Path, export_id: str, content: bytes = CONTENT, *, days_ago: float = 0, store: str = "", **changes: Any
) -> ExportJob:
    """A stored export of `days_ago` and its file, in the home's folder or the store of that URL."""
    stored_at = datetime.now(UTC) - timedelta(days=days_ago)
    job = make_job(id=export_id, created_at=stored_at, started_at=stored_at, report_id="r", **changes)
    measure = Measure()
    measure.update(content)
    draft = open_store(store or (home / "files").as_uri()).draft(f"{job.account}/{export_id}.csv", "1")
    draft.write(content)
    uri = draft.publish(manifest(job, measure, published_at=stored_at)).uri
    draft.close()
    artifact = Artifact(uri, measure.bytes, measure.rows, measure.sha256, tuple(measure.columns), not measure.rows)
    stored = replace(job, state=State.STORED, artifact=artifact, finished_at=stored_at)
    with transaction(home) as connection:
        ledger.accept(connection, [stored])
    return stored


def file_of(job: ExportJob) -> Path:
    """The file that was planted."""
    assert job.artifact
    return Path(job.artifact.uri.removeprefix("file://"))
