"""Writes docs/reference/errors.md from the errors' own register: `python -m tools.errors_reference`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from landfall.exports import errors
from tools.markdown import code, plain, table

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "reference" / "errors.md"
_SOURCES = ("landfall", "worker")

_HEAD = """\
# Errors

<!-- Written by `python -m tools.errors_reference` from the code's own register. -->

Each error has a code that stays from release to release, a message that says what happened this time, and an action that says what helps.

## Of an export

An export shows its last error as `error` (`code`, `message`, `action`), its timeline each one; webhooks carry the export, and `landfall list --error CODE` finds all that failed with one. What becomes of the step:

- **tried again**: after a wait that doubles, until its attempts run out; then the export fails with this error
- **waits**: tried again later, which costs no attempt
- **final**: trying this step again does not help; the export fails. But `copy_refused` leaves it stored without the copy, and after `report_lost` a new report is ordered until the attempts run out

"""
_PROBLEMS_HEAD = """
## Of the HTTP API

Every error is `application/problem+json`, as [The HTTP API](api.md#problems) describes it; `code` is what a program tells problems apart by.

"""
HELP: dict[tuple[HTTPStatus, str], str] = {
    (HTTPStatus.BAD_REQUEST, "bad_request"): "no HTTP/1.1 that can be read, or not just one `Host`",
    (HTTPStatus.BAD_REQUEST, "invalid_json"): "the body is no JSON; `detail` has line and column",
    (HTTPStatus.UNAUTHORIZED, "unauthenticated"): "no key, or one that is good no more",
    (HTTPStatus.FORBIDDEN, "forbidden"): "the scope of the key is too small; `detail` names the one that is needed",
    (
        HTTPStatus.FORBIDDEN,
        "foreign_form",
    ): "a form of the operations pages that another page sent; load the page again and send it from there",
    (HTTPStatus.NOT_FOUND, "not_found"): "there is no such address, or no such thing that this key may see",
    (HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed"): "`Allow` has the methods of this address",
    (HTTPStatus.NOT_ACCEPTABLE, "not_acceptable"): "the answer has another form than `Accept` asks for",
    (HTTPStatus.REQUEST_TIMEOUT, "request_timeout"): "the request stopped coming; send it again",
    (HTTPStatus.CONFLICT, "conflict"): "it cannot be done in the state that it is in",
    (HTTPStatus.GONE, "gone"): "the file was removed from the store; submit the export again for another",
    (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
    ): "send less at once, or raise `api_max_body_bytes`; the connection is closed",
    (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    ): "send `Content-Type: application/json`, and no `Content-Encoding`",
    (
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
    ): "the file has no such range; `Content-Range` tells its size",
    (
        HTTPStatus.MISDIRECTED_REQUEST,
        "misdirected_request",
    ): "the API does not answer to this `Host`: add it to `api_hosts`",
    (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"): "`errors` names each field that is wrong",
    (HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests"): "wait for `Retry-After` seconds",
    (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request_header_fields_too_large"): "send shorter headers",
    (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
    ): "a mistake of ours: the log tells more under the `request_id`",
    (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
    ): "the database or the store cannot be reached now; `Retry-After` says when to try again",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A code that an export may show, what it means and what helps."""

    code: str
    meaning: str
    action: str
    then: str = ""


def errors_text() -> str:
    """The page, as the code has it."""
    raised = list(_raised(errors.ExportError))
    known = {entry.code for entry in raised}
    told = [entry for entry in _told() if entry.code not in known]
    rows = ([code(entry.code), entry.then, plain(entry.meaning), plain(entry.action)] for entry in raised)
    own = ([code(entry.code), plain(entry.meaning), plain(entry.action)] for entry in told)
    problems = ([str(int(status)), code(name), words] for (status, name), words in HELP.items())
    return "".join(
        (
            _HEAD,
            table(("code", "the step", "what it means", "what to do"), rows),
            "\nLandfall says these by itself (… stands for what differs):\n\n",
            table(("code", "message", "what to do"), own),
            _PROBLEMS_HEAD,
            table(("status", "code", "what it means, and what helps"), problems),
        )
    )


def _raised(kind: type[errors.ExportError]) -> Iterator[Entry]:
    """Every error that a step may raise; those that only gather others have a code that no export shows."""
    if kind not in {errors.ExportError, errors.TemporaryError, errors.PermanentError, errors.Deferral}:
        meaning = (kind.__doc__ or "").split("\n\n")[0]
        yield Entry(kind.code, meaning, kind.action, _then(kind))
    for each in kind.__subclasses__():
        if each.__bases__[0] is kind and each.__module__ == errors.__name__:
            yield from _raised(each)


def _then(kind: type[errors.ExportError]) -> str:
    if issubclass(kind, errors.Deferral):
        return "waits"
    return "final" if issubclass(kind, errors.PermanentError) else "tried again"


def _told() -> Iterator[Entry]:
    """Every `Fault(code, message, action)` that the code spells out, in the order of the codes."""
    found = {
        entry.code: entry
        for source in _SOURCES
        for path in sorted((_ROOT / source).rglob("*.py"))
        for entry in _in(path)
    }
    yield from (found[each] for each in sorted(found))


def _in(path: Path) -> Iterator[Entry]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
            match node.args:
                case [ast.Constant(value=str(name)), message, ast.Constant(value=str(action))]:
                    yield Entry(name, _spelled(message), action)


def _spelled(message: ast.expr) -> str:
    match message:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_spelled(part) for part in parts)
        case ast.BinOp(left=left):
            return _spelled(left)
        case _:
            return "…"


if __name__ == "__main__":
    PAGE.write_text(errors_text(), encoding="utf-8")
