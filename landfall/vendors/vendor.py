"""Says what Landfall asks of a vendor's client."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from landfall.exports.job import ExportJob


@dataclass(frozen=True, slots=True)
class Started:
    """The vendor took the request. `report_id` is its name for the report, None where it gives none.

    `built` says that the report is finished already, so that nothing is left to poll for.
    """

    report_id: str | None = None
    built: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """The report is not finished; `note` tells of an answer that Landfall does not know."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The report can be downloaded."""


ReportStatus = Pending | Finished


@dataclass(frozen=True, slots=True)
class Link:
    """A signed download link. The URL is a credential: it is kept out of repr, logs and rows."""

    url: str = field(repr=False)
    expires_at: datetime


class Vendor(Protocol):
    """One account at a vendor. Every method raises the errors of landfall.exports.errors."""

    async def start(self, job: ExportJob) -> Started:
        """Order the report that the export asks for.

        Raises AnswerLost where the request was sent but what it did is unknown.
        """

    async def report_status(self, job: ExportJob) -> ReportStatus:
        """Ask whether the report is finished. Raises ReportLost where it failed or is gone."""

    async def download_link(self, job: ExportJob) -> Link:
        """Ask for a fresh link to the finished report. Raises LinkNotReady or ReportLost where there is none."""

    async def aclose(self) -> None:
        """Close the connections."""
