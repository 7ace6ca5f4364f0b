"""Lands exports with the orchestrator of Airbyte's CDK, which starts, polls and hands over finished reports."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airbyte_cdk.sources.declarative.async_job.job import AsyncJob
from airbyte_cdk.sources.declarative.async_job.job_orchestrator import AsyncJobOrchestrator, AsyncPartition
from airbyte_cdk.sources.declarative.async_job.job_tracker import JobTracker
from airbyte_cdk.sources.declarative.async_job.repository import AsyncJobRepository
from airbyte_cdk.sources.declarative.async_job.status import AsyncJobStatus
from airbyte_cdk.sources.message import NoopMessageRepository
from airbyte_cdk.sources.types import StreamSlice

from benchmarks.peers.stage import accepted, play
from benchmarks.peers.sync_vendor import SyncVendor
from benchmarks.peers.work import Work


class Reports(AsyncJobRepository):
    """The vendor's reports as Airbyte's jobs."""

    def __init__(self, work: Work) -> None:
        """Call the vendor of this work."""
        self._vendor = SyncVendor(work)

    def start(self, stream_slice: StreamSlice) -> AsyncJob:
        """Start a report."""
        return AsyncJob(self._vendor.start(stream_slice["account"], stream_slice["nth"]), stream_slice)

    def update_jobs_status(self, jobs: set[AsyncJob]) -> None:
        """Ask how each report stands."""
        for job in jobs:
            if self._vendor.is_finished(job.job_parameters()["account"], job.api_job_id()):
                job.update_status(AsyncJobStatus.COMPLETED)

    def fetch_records(self, job: AsyncJob) -> Iterable[Mapping[str, Any]]:
        """Fetch the file; it goes to the disk as it is, without becoming records."""
        wanted = job.job_parameters()
        self._vendor.download(wanted["account"], job.api_job_id(), wanted["nth"])
        return ()

    def abort(self, job: AsyncJob) -> None:
        """Leave it: the vendor cannot abort a report."""

    def delete(self, job: AsyncJob) -> None:
        """Leave it: the vendor deletes reports by itself."""


def _land_account(work: Work, account: str) -> None:
    slices = [
        StreamSlice(partition={"account": each, "nth": nth}, cursor_slice={})
        for each, nth in work.all
        if each == account
    ]
    orchestrator = AsyncJobOrchestrator(Reports(work), slices, JobTracker(work.slots), NoopMessageRepository())

    def fetch(partition: AsyncPartition) -> None:
        list(orchestrator.fetch_records(partition.jobs))

    # The concurrent CDK reads partitions in threads of its own, beside the orchestrator's loop.
    with ThreadPoolExecutor(work.slots) as readers:
        list(readers.map(fetch, orchestrator.create_and_get_completed_partitions()))


def _land(work: Work) -> None:
    if wait := os.environ.get("BENCH_AIRBYTE_WAIT"):
        AsyncJobOrchestrator._WAIT_TIME_BETWEEN_STATUS_UPDATE_IN_SECONDS = float(wait)  # noqa: SLF001 - there is no setting
    accepted()
    accounts = sorted({account for account, _ in work.all})
    with ThreadPoolExecutor(len(accounts)) as streams:
        list(streams.map(lambda account: _land_account(work, account), accounts))


if __name__ == "__main__":
    play(_land)
