"""Fetches a finished report and publishes it."""

import asyncio
from pathlib import Path

from landfall.exports.errors import StorageUnavailable, TransferBroken
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.outcomes import Advanced, Outcome
from landfall.exports.states import State
from landfall.storage.measure import Measure
from landfall.storage.store import Store, artifact_key
from landfall.vendors.vendor import Vendor
from worker.transfer import Transfer

_READ_BYTES = 1 << 20


async def download(job: ExportJob, vendor: Vendor, transfer: Transfer, store: Store) -> Outcome:
    """Ask for a link, stream the file to the store, publish it. Raises the errors of landfall.exports.errors."""
    # Links live minutes: one is asked for only when it is this export's turn to use it.
    async with transfer.turn():
        return await _download(job, vendor, transfer, store)


async def _download(job: ExportJob, vendor: Vendor, transfer: Transfer, store: Store) -> Outcome:
    link = await vendor.download_link(job)
    measure = Measure()
    draft = await asyncio.to_thread(store.draft, artifact_key(job))
    try:

        def keep(chunk: bytes) -> None:
            measure.update(chunk)
            draft.write(chunk)

        await transfer.fetch(link, keep)
        if not measure.whole:
            raise TransferBroken("the file ends inside a quoted field")
        published = await asyncio.to_thread(draft.publish)
    finally:
        await asyncio.shield(asyncio.to_thread(draft.__exit__, None, None, None))
    if published.adopted:
        measure = await asyncio.to_thread(_measure_file, store.path(published.uri))
    return Advanced(to=State.STORED, artifact=_artifact(published.uri, measure))


def _artifact(uri: str, measure: Measure) -> Artifact:
    return Artifact(
        uri=uri,
        bytes=measure.bytes,
        rows=measure.rows,
        sha256=measure.sha256,
        columns=measure.columns,
        empty=measure.rows == 0,
    )


def _measure_file(path: Path | None) -> Measure:
    if path is None:
        raise TransferBroken("the file that an earlier attempt had published is gone again")
    measure = Measure()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                measure.update(chunk)
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror or error}") from error
    return measure
