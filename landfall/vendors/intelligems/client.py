"""Speaks Intelligems' export API: the one POST that starts, polls and gives the link."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self

from pydantic import SecretStr

from landfall.exports.errors import AnswerLost, LinkNotReady, RequestRefused
from landfall.exports.job import ExportJob
from landfall.vendors.account import reveal_header
from landfall.vendors.http import Answer, VendorHttp
from landfall.vendors.intelligems import faults
from landfall.vendors.intelligems.account import IntelligemsAccount
from landfall.vendors.intelligems.kept_links import KeptLinks
from landfall.vendors.intelligems.rate_limit import rest
from landfall.vendors.intelligems.request import IntelligemsRequest
from landfall.vendors.lifetime import lifetime
from landfall.vendors.scrub import scrub
from landfall.vendors.shared import Shared
from landfall.vendors.vendor import Finished, Link, Pending, ReportStatus, Started

_LINK_SECONDS = 900.0
_LONGEST_LINK_SECONDS = 7 * 86400.0
_EXPORT = "/analytics/experience/{experience_id}/export"
_NO_EXPERIENCE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Told:
    """What one POST told: the link, or None where the report is not built, the vendor's words, the pause it wants."""

    link: Link | None
    message: str
    rest: float | None


class Intelligems:
    """The client of one Intelligems account."""

    def __init__(
        self,
        account: IntelligemsAccount,
        access_token: SecretStr,
        *,
        shared: Shared | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the revealed access token and, where others share them, connections; `now` is the clock that judges links."""
        self._base_url = account.base_url
        self._access_token = access_token
        self._now = now
        self._links = KeptLinks(now)
        self._http = VendorHttp(timeout=account.request_timeout, carrier=shared.carrier if shared else None)

    @classmethod
    def connect(cls, name: str, account: IntelligemsAccount, shared: Shared) -> Self:
        """Make the client of the account called `name`. Raises SettingsError where its token is missing."""
        return cls(account, reveal_header(f"accounts.{name}.access_token", account.access_token), shared=shared)

    async def prepare(self) -> None:
        """Need nothing beforehand."""

    async def start(self, job: ExportJob) -> Started:
        """Ask for the report. The vendor holds the call while it builds, so it is often built at once."""
        answer = await self._ask_and_keep(job)
        return Started(built=answer.link is not None, rest=answer.rest)

    async def report_status(self, job: ExportJob) -> ReportStatus:
        """Ask again: the vendor has no other way to tell."""
        answer = await self._ask_and_keep(job)
        if answer.link:
            return Finished(rest=answer.rest)
        expected = not answer.message or "timed out" in answer.message.lower()
        return Pending(None if expected else f"the vendor says: {answer.message}", answer.rest)

    async def download_link(self, job: ExportJob) -> Link:
        """Hand out the link that came with the last answer, else ask for one; it lives 15 minutes."""
        link = self._links.take(job)
        if link:
            return link
        answer = await self._ask(job)
        if answer.link is None:
            raise LinkNotReady(f"Intelligems gave no link: {answer.message or 'it gave no reason'}")
        return answer.link

    async def check_credentials(self) -> None:
        """Ask for the export of an experience that there is not: only whom the vendor lets in is told so.

        Where the same is told to somebody without a token, it is the address that is not there.
        """
        body = {"exportType": "orders"}
        answer = await self._post(_NO_EXPERIENCE, body, self._credentials())
        if answer.status != HTTPStatus.NOT_FOUND:
            self._payload(answer)
        elif (await self._post(_NO_EXPERIENCE, body, {})).status == HTTPStatus.NOT_FOUND:
            raise RequestRefused("Intelligems knows no such address (404), with or without the access token")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask_and_keep(self, job: ExportJob) -> _Told:
        answer = await self._ask(job)
        if answer.link:
            self._links.keep(job, answer.link)
        return answer

    async def _ask(self, job: ExportJob) -> _Told:
        # Every repetition is the same POST, byte for byte: only so can the vendor find its report again.
        request = IntelligemsRequest.stored(job.request, asked_at=job.created_at)
        answer = await self._post(request.experience_id, request.body(), self._credentials())
        return self._read(self._payload(answer), rest(answer.headers, now=self._now()))

    async def _post(self, experience_id: str, body: dict[str, Any], credentials: Mapping[str, str]) -> Answer:
        url = self._base_url + _EXPORT.format(experience_id=experience_id)
        return await self._http.post(url, operation=_EXPORT, headers=credentials, json=body)

    def _credentials(self) -> dict[str, str]:
        return {"intelligems-access-token": self._access_token.get_secret_value()}

    def _payload(self, answer: Answer) -> Mapping[str, Any]:
        return faults.payload(answer, now=self._now(), secrets=self._credentials().values())

    def _read(self, payload: Mapping[str, Any], pause: float | None) -> _Told:
        url, message = payload.get("url", ""), payload.get("message")
        words = scrub(message, [self._access_token.get_secret_value()]) if isinstance(message, str) else ""
        if url is None:
            return _Told(None, words, pause)
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise AnswerLost("Intelligems answered without a readable url field")
        life = lifetime(payload.get("expiresIn"), default=_LINK_SECONDS, longest=_LONGEST_LINK_SECONDS)
        return _Told(Link(url, self._now() + timedelta(seconds=life)), words, pause)
