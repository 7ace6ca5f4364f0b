"""Turns what Intelligems answers into its payload or into our errors."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    ExportError,
    RateLimited,
    RequestRefused,
    VendorUnavailable,
)
from landfall.vendors.http import Answer
from landfall.vendors.intelligems.rate_limit import delay
from landfall.vendors.retry_after import retry_after
from landfall.vendors.scrub import scrub

_MOST_COMPLAINTS = 20
_DEEPEST_FIELD = 8


def payload(answer: Answer, *, now: datetime, secrets: Iterable[str]) -> Mapping[str, Any]:
    """Return the JSON object of a good answer; raise what any other answer means."""
    body = answer.json_object
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        raise _error(answer, body or {}, now, secrets)
    if body is None:
        raise AnswerLost(f"Intelligems answered {answer.status} with something that is not a JSON object")
    return body


def _error(answer: Answer, body: Mapping[str, Any], now: datetime, secrets: Iterable[str]) -> ExportError:
    match answer.status:
        case 401 | 403:
            return CredentialsRefused(f"Intelligems does not accept the access token ({answer.status})")
        case 429:
            return RateLimited("Intelligems' rate limit is reached", delay=delay(answer.headers, body, now=now))
        case status if 400 <= status < 500 and status not in {408, 425}:  # noqa: PLR2004 - HTTP's own numbers
            what = scrub("; ".join(complaints(body)), secrets) or "it gave no reason"
            return RequestRefused(f"Intelligems refused the request ({status}): {what}")
        case status if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return VendorUnavailable(f"Intelligems answered with a redirect ({status}); check the account's base_url")
        case status:
            wait = retry_after(answer.headers.get("retry-after"), now=now)
            return VendorUnavailable(f"Intelligems answered {status}", delay=wait)


def complaints(body: Mapping[str, Any]) -> Iterator[str]:
    """Flatten `{"errors": [], "properties": {"<field>": {"errors": ["..."]}}}` to `field: ...` lines."""
    plain = (body.get(key) for key in ("error", "message"))
    yield from (text for text in plain if isinstance(text, str) and text)
    yield from islice(_of_field(body, ()), _MOST_COMPLAINTS)


def _of_field(tree: object, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(tree, Mapping) or len(path) > _DEEPEST_FIELD:
        return
    field = ".".join(path)
    for text in _listed(tree.get("errors")):
        if isinstance(text, str):
            yield f"{field}: {text}" if field else text
    properties = tree.get("properties")
    for name, child in properties.items() if isinstance(properties, Mapping) else ():
        yield from _of_field(child, (*path, str(name)))
    for number, child in enumerate(_listed(tree.get("items"))):
        yield from _of_field(child, (*path, str(number)))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
