"""Names everything that can go wrong with an export.

ExportError
├── TemporaryError              trying again may help
│   ├── VendorUnreachable       the request did not reach the vendor
│   ├── VendorUnavailable       the vendor answered that it is broken (5xx, InternalServerError)
│   ├── AnswerLost              the request was sent, its answer never came or cannot be read
│   ├── TransferBroken          a download ended early or was refused
│   ├── ProofFailed             what was downloaded is not a whole CSV file
│   ├── StorageUnavailable      the store could not take the file
│   ├── LeaseLost               the step was taken away while it ran
│   └── Deferral                trying again helps and costs no attempt
│       ├── Throttled           every slot at the vendor is taken (ThrottlingException at a start)
│       ├── RateLimited         too many requests (429)
│       ├── StorageFull         the store has no room for the file
│       ├── StorageReadOnly     the store may not be written to for now (a StorageUnavailable as well)
│       ├── LinkExpired         the download link is no longer taken
│       └── LinkNotReady        the vendor has no link yet
└── PermanentError              trying again does not help
    ├── CredentialsRefused      401, 403, AccessDenied
    ├── RequestRefused          400, ValidationException
    ├── DownloadRefused         the link leads where the account does not allow
    ├── CopyRefused             the file is published, but no Parquet copy of it can be made
    └── ReportLost              the report is gone or failed: only a new one helps
"""

from typing import ClassVar

from landfall.exports.job import Fault
from landfall.exports.throttle import Effect


class ExportError(Exception):
    """An error that a step may raise; its text is shown to the export's owner and must hold no secret."""

    code: ClassVar[str] = "error"
    action: ClassVar[str] = "Look at the export's events, then have it tried again (`landfall retry`)."
    effect: ClassVar[Effect] = Effect.NONE

    @property
    def fault(self) -> Fault:
        """The error as it is kept in the export's row."""
        return Fault(self.code, str(self), self.action)


class TemporaryError(ExportError):
    """Trying again may help; `delay` is the least wait in seconds, where the other side named one."""

    code = "temporary"

    def __init__(self, message: str, *, delay: float | None = None) -> None:
        """Keep the message for the owner and the wait that the other side asked for."""
        super().__init__(message)
        self.delay = delay


class VendorUnreachable(TemporaryError):
    """The request did not reach the vendor: nothing was started."""

    code = "vendor_unreachable"
    effect = Effect.BROKEN
    action = "Check the network and the account's base_url; Landfall tries again by itself until attempts run out."


class VendorUnavailable(TemporaryError):
    """The vendor answered that it cannot serve now."""

    code = "vendor_unavailable"
    effect = Effect.BROKEN
    action = "Wait for the vendor to recover; if it has failed by then, have it tried again (`landfall retry`)."


class AnswerLost(TemporaryError):
    """The request was sent, but its answer never came or cannot be read: what it did is unknown."""

    code = "answer_lost"
    effect = Effect.BROKEN
    action = (
        "If it has failed, have it tried again (`landfall retry`); if that fails too, look at the vendor's status page."
    )


class TransferBroken(TemporaryError):
    """The download ended before the file was whole, or was refused."""

    code = "transfer_broken"
    action = "Check the network; if it has failed, have it tried again (`landfall retry`)."


class ProofFailed(TemporaryError):
    """What came is not a whole CSV file; it was not published."""

    code = "proof_failed"
    action = (
        "If it has failed, have a new report ordered (`landfall retry --from start`); if that fails the same way, the "
        "vendor's reports themselves are broken: show the vendor the error's message."
    )


class StorageUnavailable(TemporaryError):
    """The store could not take the file."""

    code = "storage_unavailable"
    action = (
        "Check that the store (LANDFALL_STORAGE_URL) exists, is writable and has room; "
        "if it has failed, have it tried again (`landfall retry`)."
    )


class LeaseLost(TemporaryError):
    """The export was cancelled, or another worker took its step, while it ran here."""

    code = "lease_lost"
    action = "Nothing to do: whatever took the step away goes on with the export."


class Deferral(TemporaryError):
    """Trying again later helps, and the wait costs no attempt."""

    code = "deferred"


class Throttled(Deferral):
    """The vendor has no free slot for a start: somebody else uses the account too."""

    code = "throttled"
    action = "Nothing to do: Landfall uses fewer slots for a while."
    effect = Effect.SLOTS_FULL


class RateLimited(Deferral):
    """The vendor takes no more requests for now."""

    code = "rate_limited"
    action = "Nothing to do: Landfall waits as long as the vendor asks."
    effect = Effect.RATE_LIMITED


class StorageFull(Deferral):
    """The store has no room for the file; the export waits until there is."""

    code = "storage_full"
    action = "Make room in the store (LANDFALL_STORAGE_URL); Landfall goes on by itself."


class StorageReadOnly(StorageUnavailable, Deferral):
    """The store takes no file from anybody until somebody lets it: exports wait, however long that takes."""

    code = "storage_read_only"
    action = "Make the store (LANDFALL_STORAGE_URL) writable for the worker's user; Landfall goes on by itself."


class LinkExpired(Deferral):
    """The download link is no longer taken; a new one is asked for."""

    code = "link_expired"
    action = "Nothing to do: Landfall asks for a new link."


class LinkNotReady(Deferral):
    """The vendor has no link yet, though it called the report finished."""

    code = "link_not_ready"
    effect = Effect.ANSWERED
    action = "Nothing to do: Landfall asks again."


class PermanentError(ExportError):
    """Trying again does not help."""

    code = "permanent"


class CredentialsRefused(PermanentError):
    """The vendor does not accept the account's credentials."""

    code = "credentials_refused"
    effect = Effect.REFUSED
    action = (
        "Renew the account's credentials in landfall.toml's secrets and restart the worker; what waits goes on by itself, "
        "what has failed is tried again with `landfall retry`."
    )


class RequestRefused(PermanentError):
    """The vendor does not accept the request as it was asked."""

    code = "request_refused"
    effect = Effect.ANSWERED
    action = "Correct the request as the vendor's message says and submit it again."


class DownloadRefused(PermanentError):
    """The download link leads to a place, or to more bytes, than the account allows."""

    code = "download_refused"
    action = (
        "If the file is right, allow it with download_hosts, allow_private_hosts or max_file_bytes in landfall.toml, "
        "restart the worker, then have it tried again (`landfall retry`)."
    )


class CopyRefused(PermanentError):
    """No Parquet copy can be made of the published file, which the export is stored with."""

    code = "copy_refused"
    action = (
        "Use the file, which is whole; where the account's files are all like this one, set parquet = false for it in "
        "landfall.toml and restart the worker."
    )


class ReportLost(PermanentError):
    """The vendor's report failed or is gone: only ordering a new one helps."""

    code = "report_lost"
    effect = Effect.ANSWERED
    action = (
        "Have a new report ordered (`landfall retry --from start`); if the vendor fails it again, submit a narrower range "
        "or ask the vendor."
    )
