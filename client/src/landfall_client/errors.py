"""Names how a call can fail.

LandfallError
├── WrongSettings         the address or the key that was given is of no use
├── Unreachable           nobody answers, or the connection broke, for longer than there was patience
├── NotLandfall           what answers is not Landfall
├── ApiError              Landfall refuses; has `status`, `code`, `detail`, `errors`, `request_id`
│   ├── Unauthenticated   401: no key, or one that is good no more
│   ├── Forbidden         403: the scope of the key is too small
│   ├── NotFound          404: there is no such thing that this key may see
│   ├── Conflict          409: it cannot be done in the state that it is in
│   ├── FileGone          410: the file was removed from the store
│   ├── Invalid           400, 413, 422: `errors` names each field that is wrong
│   ├── TooManyRequests   429: for longer than there was patience
│   └── Unavailable       5xx: for longer than there was patience
├── ExportFailed          the export has no file and gets none; has `export`, `code`, `message`, `action`
│   └── ExportCancelled   somebody did not want it any more
├── NotStored             the export is still under way: wait for it
├── WaitTimeout           the time was over before the export was; also a TimeoutError
├── FileDiffers           what came is not what was stored: it has another length or SHA-256
├── FileNotSaved          the file cannot be written where it should
└── UnreadableRows        the file cannot be read as CSV in this way
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class LandfallError(Exception):
    """Whatever may go wrong; the text is one sentence with the cure, and holds no secret and no signed link."""


class WrongSettings(LandfallError, ValueError):
    """The address or the key that was given is of no use."""


class Unreachable(LandfallError):
    """Nobody answers, or the connection broke. What had been asked for may have been done."""


class NotLandfall(LandfallError):
    """What answers is not Landfall."""


class ApiError(LandfallError):
    """Landfall refuses, and says why (RFC 9457)."""

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, str]]
    request_id: str
    problem: Mapping[str, Any]

    def __init__(self, status: int, problem: Mapping[str, Any], sentence: str = "") -> None:
        """Keep the whole problem; `sentence` is the text where the problem's own is not the best."""
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code") or "")
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.errors = problem.get("errors") or ()
        self.request_id = str(problem.get("request_id") or "")
        super().__init__(sentence or self.detail)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it cross to another process, as pools of workers need."""
        return type(self), (self.status, dict(self.problem), str(self))


class Unauthenticated(ApiError):
    """There is no key, or it is good no more."""


class Forbidden(ApiError):
    """The scope of the key is too small; `detail` names the one that is needed."""


class NotFound(ApiError):
    """There is no such thing that this key may see."""


class Conflict(ApiError):
    """It cannot be done in the state that it is in."""


class FileGone(ApiError):
    """The file was removed from the store; submit the export again for another."""


class Invalid(ApiError):
    """The request is wrong; `errors` names each field."""


class TooManyRequests(ApiError):
    """The key asks too often."""


class Unavailable(ApiError):
    """The API, its database or its store is away."""


class ExportFailed(LandfallError):
    """The export has no file and gets none, unless it is tried again."""

    def __init__(self, export: Any, code: str, message: str, action: str) -> None:  # noqa: ANN401 - of either client
        """Keep the export as it was read last, and its error."""
        super().__init__(f"export {export.id} {export.state}: {code}: {message.rstrip('.')}. {action}".rstrip())
        self.export = export
        self.code = code
        self.message = message
        self.action = action

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it cross to another process."""
        return type(self), (self.export, self.code, self.message, self.action)


class ExportCancelled(ExportFailed):
    """The export was cancelled."""


class NotStored(LandfallError):
    """The export is still under way."""


class WaitTimeout(LandfallError, TimeoutError):
    """The time was over before the export was; it goes on, and can be waited for again."""


class FileDiffers(LandfallError):
    """What came is not what was stored."""


class FileNotSaved(LandfallError):
    """The file cannot be written where it should."""


class UnreadableRows(LandfallError):
    """The file cannot be read as CSV in this way."""


class NoAnswer(Exception):
    """A carrier's own: no answer came, or it broke off. It never leaves the client."""

    REFUSED: ClassVar[str] = "refused"
    LATE: ClassVar[str] = "late"
    BROKE: ClassVar[str] = "broke"
    UNTRUSTED: ClassVar[str] = "untrusted"

    def __init__(self, why: str) -> None:
        """Keep why: to one that was refused or is not trusted, nothing was sent."""
        super().__init__(why)
        self.why = why

    @property
    def may_pass(self) -> bool:
        """Whether another try may fare better."""
        return self.why != self.UNTRUSTED

    @property
    def was_sent(self) -> bool:
        """Whether the request may have arrived."""
        return self.why not in {self.REFUSED, self.UNTRUSTED}
