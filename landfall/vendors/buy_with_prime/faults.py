"""Turns what Buy with Prime answers, over HTTP and in GraphQL, into its data or into our errors."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from landfall.exports.errors import (
    AnswerLost,
    CredentialsRefused,
    ExportError,
    RateLimited,
    ReportLost,
    RequestRefused,
    Throttled,
    VendorUnavailable,
)
from landfall.vendors.buy_with_prime.classification import Kind, classification, classify
from landfall.vendors.buy_with_prime.operations import Operation
from landfall.vendors.http import Answer
from landfall.vendors.retry_after import retry_after
from landfall.vendors.scrub import scrub

_REFUSED_CLIENT = frozenset({"invalid_client", "unauthorized_client", "invalid_grant", "access_denied"})


def data(answer: Answer, operation: Operation, *, now: datetime, secrets: Iterable[str]) -> Mapping[str, Any]:
    """Return what the operation's field answered; raise what any other answer means."""
    body = answer.json_object or {}
    found = _field(body, operation)
    errors = _errors(body)
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        # What was created exists, whatever else went wrong: forgetting it would leave a slot taken.
        if found is not None and (operation.creates or not errors):
            return found
        if not errors:
            raise AnswerLost(f"Buy with Prime answered {operation.field} without data and without an error")
    if errors and answer.status < 500 and answer.status not in {401, 403, 429}:  # noqa: PLR2004 - HTTP's own numbers
        raise _graphql_error(errors, operation, secrets)
    error = _http_error(answer, "Buy with Prime", body, now, secrets)
    if operation.creates and isinstance(error, VendorUnavailable) and answer.status >= 500:  # noqa: PLR2004 - HTTP's own number
        raise AnswerLost(str(error), delay=error.delay)
    raise error


def token(answer: Answer, *, now: datetime, secrets: Iterable[str]) -> Mapping[str, Any]:
    """Return the token endpoint's JSON object; raise what any other answer means (RFC 6749, 5.2)."""
    body = answer.json_object
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        if body and body.get("error") in _REFUSED_CLIENT:
            raise CredentialsRefused(f"Buy with Prime's token endpoint refuses the client ({body['error']})")
        raise _http_error(answer, "Buy with Prime's token endpoint", body or {}, now, secrets)
    if body is None:
        raise VendorUnavailable("Buy with Prime's token endpoint answered with something that is not a JSON object")
    return body


def _graphql_error(errors: list[Any], operation: Operation, secrets: Iterable[str]) -> ExportError:
    kinds = [(classify(error), error) for error in errors]
    kind, error = next(((kind, error) for kind, error in kinds if kind is not Kind.UNKNOWN), kinds[0])
    what = scrub(_words(error), secrets) or "it gave no reason"
    match kind:
        case Kind.ACCESS_DENIED:
            return CredentialsRefused(f"Buy with Prime denies access to {operation.field}: {what}")
        case Kind.THROTTLING:
            full = Throttled if operation.creates else RateLimited
            return full(f"Buy with Prime takes no {operation.field} for now: {what}")
        case Kind.NOT_FOUND if not operation.creates:
            return ReportLost(f"Buy with Prime no longer has the report: {what}")
        case Kind.NOT_FOUND | Kind.VALIDATION:
            return RequestRefused(f"Buy with Prime refused the request: {what}")
        case Kind.INTERNAL:
            return _broken(f"Buy with Prime failed at {operation.field}: {what}", operation)
        case Kind.UNKNOWN:
            return _broken(f"Buy with Prime answered {operation.field} with an unknown error: {what}", operation)


def _broken(what: str, operation: Operation) -> ExportError:
    """A start that broke at the vendor may have made a report all the same."""
    return AnswerLost(what) if operation.creates else VendorUnavailable(what)


def _words(error: object) -> str:
    """The vendor's own message, after its code (`InvalidDateRange: ...`), before its details."""
    if not isinstance(error, Mapping):
        return ""
    found = classification(error)
    details = found.get("details")
    detail = details.get("message") if isinstance(details, Mapping) else details
    message = str(error.get("message") or "")
    parts = [str(found.get("code") or ""), message, detail if isinstance(detail, str) and detail not in message else ""]
    return ": ".join(part for part in parts if part)


def _http_error(
    answer: Answer, who: str, body: Mapping[str, Any], now: datetime, secrets: Iterable[str]
) -> ExportError:
    wait = retry_after(answer.headers.get("retry-after"), now=now)
    match answer.status:
        case 401 | 403:
            return CredentialsRefused(f"{who} does not accept the credentials ({answer.status})")
        case 429:
            return RateLimited(f"{who} takes no more requests for now", delay=wait)
        case status if 400 <= status < 500 and status not in {408, 425}:  # noqa: PLR2004 - HTTP's own numbers
            texts = (body.get(key) for key in ("error", "error_description", "message"))
            what = scrub(": ".join(text for text in texts if isinstance(text, str)), secrets) or "it gave no reason"
            return RequestRefused(f"{who} refused the request ({status}): {what}")
        case status if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own numbers
            return VendorUnavailable(f"{who} answered with a redirect ({status}); check the account's base_url")
        case status:
            return VendorUnavailable(f"{who} answered {status}", delay=wait)


def _field(body: Mapping[str, Any], operation: Operation) -> Mapping[str, Any] | None:
    found = body.get("data")
    field = found.get(operation.field) if isinstance(found, Mapping) else None
    return field if isinstance(field, Mapping) else None


def _errors(body: Mapping[str, Any]) -> list[Any]:
    errors = body.get("errors")
    return errors if isinstance(errors, list) else []
