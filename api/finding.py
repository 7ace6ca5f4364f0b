"""Finds the export or the batch that a path names."""

from http import HTTPStatus

from api.auth import Caller
from api.problems import ProblemError
from api.services import Services
from landfall.database import archive, batches, ledger
from landfall.database.batches import Batch
from landfall.exports.job import ExportJob


async def find_export(given: Services, caller: Caller, export_id: str) -> ExportJob:
    """The export of this id, an archived one too. Raises ProblemError (404) where the caller sees none."""
    job = await given.database.read(
        lambda connection: ledger.find(connection, export_id) or archive.find(connection, export_id)
    )
    if job is None or not caller.sees(job.account):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no export {export_id!r}")
    return job


async def find_batch(given: Services, caller: Caller, batch_id: str) -> Batch:
    """The batch of this id. Raises ProblemError (404) where the caller sees none."""
    batch = await given.database.read(lambda connection: batches.find(connection, batch_id, caller.accounts))
    if batch is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no batch {batch_id!r}")
    return batch
