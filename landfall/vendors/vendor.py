"""Says what Landfall asks of a vendor's client."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from landfall.exports.job import ExportJob


@dataclass(frozen=True, slots=True)
class Started:
    """The vendor took the request. `report_id` is its name for the report, None where it gives none.

    `built` says that the report is finished already, so that nothing is left to poll for. `rest` (here and below) is
    how long, in seconds, the vendor wants no further request, None where it does not say.
    """

    report_id: str | None = None
    built: bool = False
    rest: float | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The report is not finished; `note` tells of an answer that Landfall does not know."""

    note: str | None = None
    rest: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The report can be downloaded. `build_seconds` is how long the vendor says that it built."""

    build_seconds: float | None = None
    rest: float | None = None


ReportStatus = Pending | Finished


@dataclass(frozen=True, slots=True)
class Link:
    """A signed download link. The URL is a credential: it is kept out of repr, logs and rows."""

    url: str = field(repr=False)
    expires_at: datetime


class Vendor(Protocol):
    """One account at a vendor. Every method raises the errors of landfall.exports.errors."""

    async def prepare(self) -> None:
        """Get what the next call needs (a token), so that a start is one call and nothing else. Raises as a call does."""

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


@runtime_checkable
class ChecksCredentials(Protocol):
    """A client that can tell whether the vendor accepts its credentials; one that cannot leaves the method out."""

    async def check_credentials(self) -> None:
        """Return where the vendor accepts them, having started nothing. Raises CredentialsRefused, or as a call does."""
