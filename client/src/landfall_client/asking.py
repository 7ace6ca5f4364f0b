"""Asks the API one question, again where it did not answer, and reads its problems (RFC 9457)."""

import contextlib
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from landfall_client import errors
from landfall_client.effects import Flow, Head, Open, Pause, Read, Request
from landfall_client.errors import ApiError, LandfallError, NoAnswer, Unreachable
from landfall_client.place import Place, site_of

Query = Mapping[str, Any]

_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
# Nothing was done, or doing it twice does no harm: then another try is safe.
_BUSY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_KINDS: Mapping[int, type[ApiError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.FileGone,
    413: errors.Invalid,
    422: errors.Invalid,
    429: errors.TooManyRequests,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer of the API, as it came."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON value
        """The answer's JSON."""
        return json.loads(self.text)


class Tries:
    """Counts the tries of one question, and says how long to wait before the next."""

    def __init__(self, patience: float) -> None:
        """Be patient for so many seconds, from now on."""
        self._end = time.monotonic() + patience
        self._pause = _PAUSE_SECONDS

    def pause(self, least: float = 0.0) -> float | None:
        """Seconds to wait, None where patience would end meanwhile."""
        drawn = self._pause * random.uniform(0.5, 1)  # noqa: S311 - spreads clients out, keeps no secret
        pause = max(least, drawn)
        self._pause = min(_LONGEST_PAUSE_SECONDS, self._pause * 2)
        return pause if time.monotonic() + pause < self._end else None


def request(
    method: str,
    path: str,
    query: Query | None = None,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    repeatable: bool = True,
) -> Request:
    """A request for JSON. Raises ValueError for a path that might lead to another host."""
    if not path.startswith("/"):
        raise ValueError(f"path: {path!r} does not begin with a slash; write it as /v1/exports.")
    sent = {"Accept": "application/json", **(headers or {})}
    if body is None:
        return Request(method, path + query_string(query or {}), sent, repeatable=repeatable)
    sent["Content-Type"] = "application/json"
    content = json.dumps(body, default=_written).encode()
    return Request(method, path + query_string(query or {}), sent, content, repeatable=repeatable)


def ask(place: Place, asked: Request) -> Flow[Answer]:
    """Ask until there is a good answer.

    Raises Unreachable, NotLandfall, or the ApiError that the answer tells of.
    """
    tries = Tries(place.patience)
    while True:
        try:
            answer = yield from _whole(asked)
        except NoAnswer as fault:
            pause = tries.pause() if fault.may_pass and (asked.repeatable or not fault.was_sent) else None
            if pause is None:
                raise place.unreachable(fault) from None
        else:
            if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
                return _checked(place, answer)
            pause = tries.pause(_wanted_pause(answer)) if _may_ask_again(asked, answer) else None
            if pause is None:
                raise failure(place, answer)
        yield Pause(pause)


def failure_of(place: Place, head: Head) -> Flow[LandfallError]:
    """Read what a bad answer that was opened says."""
    try:
        text = yield from _rest()
    except NoAnswer as fault:
        return place.unreachable(fault)
    return failure(place, Answer(head.status, head.headers, text))


def failure(place: Place, answer: Answer) -> LandfallError:
    """The error that the answer tells of."""
    problem = _json(answer.text)
    if not isinstance(problem, dict) or not {"title", "detail"} & problem.keys():
        if answer.status in _BUSY:  # what stands before it says so
            return Unreachable(f"no Landfall answers behind {place.url} (HTTP {answer.status}); try again later.")
        return place.not_landfall(answer.status, _leads_to(place, answer))
    sentence = ""
    if answer.status == HTTPStatus.UNAUTHORIZED and not place.key:
        sentence = f"the API at {place.url} needs a key: {place.naming_key}; `landfall keys create` makes one."
    kind = _KINDS.get(
        answer.status, errors.Unavailable if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError
    )
    return kind(answer.status, problem, sentence)


def export_path(export_id: str) -> str:
    """Where an export stands."""
    return f"/v1/exports/{_segment('export', export_id)}"


def batch_path(batch_id: str) -> str:
    """Where a batch stands."""
    return f"/v1/batches/{_segment('batch', batch_id)}"


def account_path(name: str) -> str:
    """Where an account stands."""
    return f"/v1/accounts/{_segment('account', name)}"


def query_string(query: Query) -> str:
    """The query with its question mark, nothing where nothing is asked."""
    given = {name: value for name, value in query.items() if value is not None and value != []}
    written = {name: value if isinstance(value, list) else _as_text(value) for name, value in given.items()}
    return "?" + urlencode(written, doseq=True) if written else ""


def _segment(name: str, value: str) -> str:
    if not value.strip():
        # An empty one would ask the whole list.
        raise ValueError(f"{name}: it is empty; give an id or a name.")
    return quote(value, safe="")


def _as_text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else _written(value)


def _written(value: object) -> str:
    """Dates and moments as the API reads them."""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__} cannot be sent; give text, numbers, dates, lists and dicts.")


def _whole(asked: Request) -> Flow[Answer]:
    head: Head = yield Open(asked)
    text = yield from _rest()
    return Answer(head.status, head.headers, text)


def _rest() -> Flow[str]:
    pieces: list[bytes] = []
    while piece := (yield Read()):
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8", "replace")


def _checked(place: Place, answer: Answer) -> Answer:
    """The answer, if it is an object with something in it, as every answer of Landfall is."""
    body = _json(answer.text)
    if not isinstance(body, dict) or not body:
        raise place.not_landfall()
    return answer


def _may_ask_again(asked: Request, answer: Answer) -> bool:
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    # 409 with Retry-After: the same request, sent before under the same Idempotency-Key, is being answered.
    being_answered = answer.status == HTTPStatus.CONFLICT and "retry-after" in answer.headers
    return asked.repeatable and (answer.status in _BUSY or being_answered)


def _wanted_pause(answer: Answer) -> float:
    """What Retry-After says, in seconds or as a date, which is measured by the clock of whoever sent it."""
    told = answer.headers.get("retry-after", "")
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        moments = [parsedate_to_datetime(each) for each in (told, answer.headers.get("date", ""))]
        return max(0.0, (moments[0] - moments[1]).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _leads_to(place: Place, answer: Answer) -> str:
    """The site, without the path, that the answer redirects to, as from http to https; empty where it does not."""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        with contextlib.suppress(ValueError):
            site = site_of(urljoin(place.url, answer.headers.get("location", "")))
            return "" if site == place.site else site
    return ""


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except ValueError:
        return None
