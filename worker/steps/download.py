"""Fetches a finished report, proves it whole and publishes it."""

import asyncio

from landfall.exports.errors import DownloadRefused, LinkExpired, ProofFailed, ReportLost, StorageFull
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.outcomes import Advanced, Outcome
from landfall.exports.states import State
from landfall.storage.keys import artifact_key
from landfall.storage.parquet import ParquetCopy
from landfall.vendors.vendor import Vendor
from worker.landing import Landing
from worker.shelf import Shelf
from worker.transfer.course import Whole
from worker.transfer.fetch import Transfer

_LINKS = 3


async def download(job: ExportJob, vendor: Vendor, transfer: Transfer, shelf: Shelf) -> Outcome:
    """Land the export's file. Raises the errors of landfall.exports.errors."""
    # Links live minutes: one is asked for only when it is this export's turn to use it.
    async with transfer.turn():
        key = artifact_key(shelf.key_template, job)
        landing = await Landing.open(shelf.store, key, job, reserve=shelf.reserve, at_rest=shelf.at_rest)
        try:
            artifact = await _land(job, vendor, transfer, landing, parquet=shelf.parquet)
        except (DownloadRefused, ProofFailed, ReportLost, StorageFull):
            # Nothing of it would serve the next attempt, or its room is needed.
            await asyncio.shield(landing.discard())
            raise
        finally:
            await asyncio.shield(landing.close())
    if shelf.parquet:
        await _copy(job, artifact.uri, shelf)
    return Advanced(to=State.STORED, artifact=artifact)


async def _land(job: ExportJob, vendor: Vendor, transfer: Transfer, landing: Landing, *, parquet: bool) -> Artifact:
    whole = await _fetched(job, vendor, transfer, landing)
    landing.prove(whole)
    return await landing.publish(job, parquet=parquet)


async def _copy(job: ExportJob, uri: str, shelf: Shelf) -> None:
    copy = ParquetCopy(shelf.store, uri, shelf.workspace)
    try:
        await asyncio.to_thread(copy.make, job)
    except asyncio.CancelledError:
        # The thread would go on, and keep the worker from ending.
        copy.stop()
        raise


async def _fetched(job: ExportJob, vendor: Vendor, transfer: Transfer, landing: Landing) -> Whole:
    for _ in range(_LINKS - 1):
        try:
            return await transfer.fetch(await vendor.download_link(job), landing)
        except LinkExpired:
            # It may have ended in the middle of a long file: what is held stays, under a new link.
            continue
    return await transfer.fetch(await vendor.download_link(job), landing)
