"""Speaks Buy with Prime's GraphQL API."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import SecretStr

from landfall.exports.errors import (
    AnswerLost,
    LinkNotReady,
    ReportLost,
    RequestRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from landfall.exports.job import ExportJob
from landfall.vendors.account import reveal, reveal_header
from landfall.vendors.buy_with_prime import faults
from landfall.vendors.buy_with_prime.access_token import AccessToken, can_be_sent
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.buy_with_prime.operations import (
    REPORT_DOWNLOAD_LINK,
    REPORT_TASK,
    START_REPORT_TASK,
    Operation,
)
from landfall.vendors.buy_with_prime.request import BuyWithPrimeRequest
from landfall.vendors.buy_with_prime.token import TokenKeeper
from landfall.vendors.buy_with_prime.token_shelf import TokenShelf
from landfall.vendors.http import Answer, VendorHttp
from landfall.vendors.lifetime import lifetime
from landfall.vendors.scrub import scrub
from landfall.vendors.shared import Shared
from landfall.vendors.vendor import Finished, Link, Pending, ReportStatus, Started

_LINK_LIFE = timedelta(minutes=5)
_TOKEN_SECONDS = 900.0
_LONGEST_TOKEN_SECONDS = 86400.0
_LONGEST_TASK_ID = 200
_TOKEN = "/token"  # noqa: S105 - a path
_NO_TASK = "USER_EVENTS:00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens one business product at Buy with Prime, revealed."""

    client_id: SecretStr
    client_secret: SecretStr
    target_id: SecretStr


class BuyWithPrime:
    """The client of one Buy with Prime account."""

    def __init__(
        self,
        account: BuyWithPrimeAccount,
        credentials: Credentials,
        *,
        shared: Shared | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the revealed credentials; `now` is the clock for links and Retry-After dates.

        Without anything shared this client has connections and a token of its own.
        """
        shared = shared or Shared()
        self._account = account
        self._credentials = credentials
        self._now = now
        self._http = VendorHttp(timeout=account.request_timeout, carrier=shared.carrier)
        shelf = TokenShelf(shared.cache, account.base_url, credentials.client_id, credentials.target_id)
        self._tokens = TokenKeeper(self._fetch_token, shelf, patience=account.request_timeout, rest=shared.token_rest)

    @classmethod
    def connect(cls, name: str, account: BuyWithPrimeAccount, shared: Shared) -> Self:
        """Make the client of the account called `name`. Raises SettingsError where a secret is missing."""
        setting = f"accounts.{name}"
        credentials = Credentials(
            client_id=reveal(f"{setting}.client_id", account.client_id),
            client_secret=reveal(f"{setting}.client_secret", account.client_secret),
            target_id=reveal_header(f"{setting}.target_id", account.target_id),
        )
        return cls(account, credentials, shared=shared)

    async def prepare(self) -> None:
        """Get an access token, unless there is one. Raises what asking for it raises; nothing is started."""
        await self._tokens.current()

    async def start(self, job: ExportJob) -> Started:
        """Start a report task. A throttled start has started nothing; an answer that is lost may have."""
        asked = BuyWithPrimeRequest.stored(job.request, asked_at=job.created_at).model_dump(mode="json")
        time_range = {"startDate": asked["start"], "endDate": asked["end"]}
        task = await self._call(
            START_REPORT_TASK, {"input": {"timeRange": time_range, "reportType": asked["report_type"]}}
        )
        return Started(report_id=_task_id(task.get("taskId")))

    async def report_status(self, job: ExportJob) -> ReportStatus:
        """Ask for the task's status; one that is not known counts as not finished."""
        task = await self._call(REPORT_TASK, {"taskId": _known(job)})
        match task.get("status"):
            case "COMPLETED":
                return Finished(build_seconds=_build_seconds(task))
            case "STARTED" | "RUNNING":
                return Pending()
            case "FAILED":
                raise ReportLost("Buy with Prime says that the report failed")
            case str(status):
                return Pending(note=f"unknown status {scrub(status, self._secrets())[:100]!r}")
            case _:
                raise AnswerLost("Buy with Prime answered reportTask without a status")

    async def download_link(self, job: ExportJob) -> Link:
        """Ask for a link; it lives five minutes from now."""
        asked_at = self._now()
        try:
            answer = await self._call(REPORT_DOWNLOAD_LINK, {"taskId": _known(job)})
        except RequestRefused:
            # There is no link to a report whose status went back; that status can be waited for.
            if isinstance(await self.report_status(job), Finished):
                raise
            raise LinkNotReady("Buy with Prime says that the report is not finished after all") from None
        url = answer.get("downloadUrl")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise AnswerLost("Buy with Prime answered reportDownloadLink without a readable downloadUrl")
        return Link(url, asked_at + _LINK_LIFE)

    async def check_credentials(self) -> None:
        """Ask for a task that there is not: only whom the vendor lets in is told so."""
        with suppress(ReportLost):
            await self._call(REPORT_TASK, {"taskId": _NO_TASK})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(self, operation: Operation, variables: dict[str, Any]) -> Mapping[str, Any]:
        """Call with the current token; where it is refused, once more with a new one (nothing was done)."""
        token = await self._tokens.current()
        answer = await self._post(operation, variables, token)
        if answer.status == 401:  # noqa: PLR2004 - HTTP's own number
            await self._tokens.drop(token)
            token = await self._tokens.current()
            answer = await self._post(operation, variables, token)
        if answer.status == 401:  # noqa: PLR2004 - HTTP's own number
            await self._tokens.drop(token)
        return faults.data(answer, operation, now=self._now(), secrets=self._secrets(token))

    async def _post(self, operation: Operation, variables: dict[str, Any], token: SecretStr) -> Answer:
        return await self._http.post(
            f"{self._account.base_url}/graphql",
            operation=operation.name,
            headers={
                "authorization": f"Bearer {token.get_secret_value()}",
                "x-api-target-id": self._credentials.target_id.get_secret_value(),
                "x-api-version": self._account.api_version,
            },
            json=operation.body(variables),
        )

    async def _fetch_token(self) -> AccessToken:
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id.get_secret_value(),
            "client_secret": self._credentials.client_secret.get_secret_value(),
        }
        url = f"{self._account.base_url}{_TOKEN}"
        try:
            if self._account.token_request == "json":  # noqa: S105 - names a body's form, not a password
                answer = await self._http.post(url, operation=_TOKEN, json=asked)
            else:
                answer = await self._http.post(url, operation=_TOKEN, form=asked)
        except AnswerLost as lost:
            # No token, so no call was made: whatever the step wanted to start is not started.
            raise VendorUnreachable(f"there is no access token: {lost}") from None
        return _access_token(faults.token(answer, now=self._now(), secrets=self._secrets()))

    def _secrets(self, *tokens: SecretStr) -> list[str]:
        own = self._credentials
        every = (own.client_id, own.client_secret, own.target_id, *self._tokens.kept, *tokens)
        return [secret.get_secret_value() for secret in every]


def _access_token(answer: Mapping[str, Any]) -> AccessToken:
    value = answer.get("access_token")
    if not can_be_sent(value):
        raise VendorUnavailable("Buy with Prime's token endpoint answered without a usable access_token")
    life = lifetime(answer.get("expires_in"), default=_TOKEN_SECONDS, longest=_LONGEST_TOKEN_SECONDS)
    return AccessToken(SecretStr(value), life)


def _build_seconds(task: Mapping[str, Any]) -> float | None:
    """How long the vendor says that it built, None where its two times make no sense."""
    try:
        asked, ended = (datetime.fromisoformat(task[name]) for name in ("requestTime", "lastUpdatedTime"))
        seconds = (ended - asked).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None
    return seconds if seconds > 0 else None


def _task_id(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST_TASK_ID:
        raise AnswerLost("Buy with Prime answered startReportTask without a readable taskId")
    return value


def _known(job: ExportJob) -> str:
    if job.report_id is None:
        raise ReportLost("the task id of the report is not known")
    return job.report_id
