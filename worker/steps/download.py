"""Fetches a finished report, proves it whole and publishes it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from landfall import failpoints
from landfall.exports.errors import (
    CopyRefused,
    DownloadRefused,
    LinkExpired,
    ProofFailed,
    ReportLost,
    StorageFull,
    TemporaryError,
)
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.outcomes import Advanced, Outcome, Retrying
from landfall.exports.states import State
from landfall.log import get_logger
from landfall.storage.adoption import find_published, remove_published
from landfall.storage.keys import artifact_key
from landfall.storage.parquet import ParquetCopy
from landfall.tracing.spans import span
from landfall.vendors.vendor import Vendor
from worker.landing import Landing
from worker.shelf import Shelf
from worker.transfer.course import Whole
from worker.transfer.fetch import Transfer
from worker.uninterrupted import uninterrupted

_LINKS = 3
_SILENT_ENDS = 3
_COPY_KILLS = CopyRefused(
    f"no Parquet copy was made: {_SILENT_ENDS} attempts ended with their worker, which the copy may have killed"
).fault
_MISTAKE = CopyRefused("no Parquet copy was made: Landfall made a mistake, the worker's log tells more").fault
_log = get_logger(__name__)
Gate = Callable[[], Awaitable[None]]


async def download(job: ExportJob, vendor: Vendor, transfer: Transfer, shelf: Shelf, gate: Gate) -> Outcome:
    """Land the export's file, unless `gate`, which is asked right before it is published, raises LeaseLost.

    Raises the errors of landfall.exports.errors.
    """
    published = await _published_before(job, shelf)
    if published and shelf.parquet and job.error is None and job.attempts > _SILENT_ENDS:
        return Advanced(to=State.STORED, artifact=published, no_copy=_COPY_KILLS, asked=False)
    artifact = published or await _landed(job, vendor, transfer, shelf, gate)
    outcome = await _with_copy(job, artifact, shelf) if shelf.parquet and artifact.columns else _stored(artifact)
    return replace(outcome, asked=published is None) if isinstance(outcome, Advanced) else outcome


def _stored(artifact: Artifact, no_copy: Fault | None = None) -> Advanced:
    return Advanced(to=State.STORED, artifact=artifact, no_copy=no_copy)


async def _published_before(job: ExportJob, shelf: Shelf) -> Artifact | None:
    """The file, where an earlier attempt published it and came no further."""
    if not (shelf.parquet or job.attempts > 1 or job.deferrals):
        return None
    return await asyncio.to_thread(find_published, shelf.store, shelf.key_of(job), job)


async def _landed(job: ExportJob, vendor: Vendor, transfer: Transfer, shelf: Shelf, gate: Gate) -> Artifact:
    # Links live minutes: one is asked for only when it is this export's turn to use it.
    async with transfer.turn():
        failpoints.reach("download.begun", job.id)
        key = artifact_key(shelf.key_template, job)
        landing = await Landing.open(shelf.store, key, job, reserve=shelf.reserve, at_rest=shelf.at_rest)
        try:
            whole = await _fetched(job, vendor, transfer, landing)
            landing.prove(whole)
            await gate()
            await make_way(job, shelf)
            with span("publish") as publishing:
                artifact = await landing.publish(job)
                publishing.tell({"landfall.file.bytes": artifact.bytes, "landfall.file.rows": artifact.rows})
            failpoints.reach("download.published", job.id)
        except (DownloadRefused, ProofFailed, ReportLost, StorageFull):
            # Nothing of it would serve the next attempt, or its room is needed.
            await asyncio.shield(landing.discard())
            raise
        finally:
            await asyncio.shield(landing.close())
    return artifact


async def _with_copy(job: ExportJob, artifact: Artifact, shelf: Shelf) -> Outcome:
    """The file is what was asked for: whatever becomes of its Parquet copy, the export does not fail for it."""
    try:
        with span("parquet copy"):
            await _copy(job, shelf)
    except CopyRefused as error:
        return _stored(artifact, error.fault)
    except TemporaryError as error:
        return Retrying(error.fault, error.delay, published=artifact)
    except Exception:  # noqa: BLE001 - it is logged with its traceback and told in the export's timeline
        _log.exception("a Parquet copy failed in a way nobody thought of", export=job.id)
        return _stored(artifact, _MISTAKE)
    return _stored(artifact)


async def _copy(job: ExportJob, shelf: Shelf) -> None:
    copy = ParquetCopy(shelf.store, shelf.key_of(job), shelf.workspace)
    making = asyncio.create_task(asyncio.to_thread(copy.make, job))
    try:
        await asyncio.shield(making)
    except asyncio.CancelledError:
        # The thread would go on, keep the worker from ending, and describe a file that may be removed meanwhile.
        copy.stop()
        await uninterrupted(_ended(making))
        raise


async def _ended(making: asyncio.Task[None]) -> None:
    await asyncio.wait({making})
    if not making.cancelled():
        making.exception()  # it was to end, and how it did interests nobody


async def make_way(job: ExportJob, shelf: Shelf) -> None:
    """Remove what an earlier life of the export published and never told of: its name is this report's now."""
    names = dict.fromkeys(shelf.names_given_up(job), job.generation)
    if job.generation > 1:
        names[shelf.key_of(job)] = job.generation - 1
    for name, newest in names.items():
        await asyncio.to_thread(partial(remove_published, shelf.store, name, job.id, newest=newest))


async def _fetched(job: ExportJob, vendor: Vendor, transfer: Transfer, landing: Landing) -> Whole:
    for _ in range(_LINKS - 1):
        try:
            return await transfer.fetch(await vendor.download_link(job), landing)
        except LinkExpired:
            # It may have ended in the middle of a long file: what is held stays, under a new link.
            continue
    return await transfer.fetch(await vendor.download_link(job), landing)
