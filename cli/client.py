"""Talks to Landfall's HTTP API over the standard library and turns its problems into failures of the command.

http.client stands here instead of httpx because every command waits for its imports: 0.03 s against 0.3 s.
"""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from cli.failures import CommandError, RefusedError, UnreachableError, WrongInputError

_TIMEOUT_SECONDS = 30.0
_WRONG_INPUT = frozenset({400, 404, 409, 422})

Query = Mapping[str, str | int | list[str] | None]


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer of the API, as it came."""

    status: int
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON value
        """The answer's JSON."""
        return json.loads(self.text)


class Api:
    """The HTTP API under one address; each call has a connection of its own."""

    def __init__(self, url: str, *, key: str = "", timeout: float = _TIMEOUT_SECONDS) -> None:
        """Take the address `http(s)://host[:port][/path]`, the API key, and `timeout` in seconds for each wait.

        Raises WrongInputError for any other address.
        """
        self.timeout = timeout
        self._key = key
        self.url = url.rstrip("/")
        wrong = WrongInputError(f"url: {url} is no address; write it as http://host:port.")
        try:
            parts = urlsplit(self.url)
            self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path
        except ValueError:
            raise wrong from None
        if not self._host or parts.scheme not in {"http", "https"}:
            raise wrong
        self._secure = parts.scheme == "https"

    def get(self, path: str, query: Query | None = None) -> Reply:
        """GET and read the whole answer. Raises UnreachableError, RefusedError or CommandError."""
        return self._call("GET", path + _query_string(query or {}))

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        """POST JSON and read the whole answer. Raises as `get` does."""
        return self._call("POST", path, json.dumps(body), headers)

    def patch(self, path: str, body: Mapping[str, Any]) -> Reply:
        """PATCH JSON and read the whole answer. Raises as `get` does."""
        return self._call("PATCH", path, json.dumps(body))

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return self.get("/readyz").status == http.HTTPStatus.OK
        except CommandError:
            return False

    def _call(self, method: str, path: str, body: str | None = None, more: Mapping[str, str] | None = None) -> Reply:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        with self.exchange(method, path, headers | dict(more or {}), body) as answer:
            if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
                raise self.failure(answer)
            text = _text(answer, self.url)
        if _json(text) is None:
            raise CommandError(f"what answers at {self.url} is not Landfall; name the right address with --url.")
        return Reply(answer.status, text)

    @contextlib.contextmanager
    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send and give the answer, whatever its status, to be read within the block. Raises UnreachableError."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self.timeout)
        sent = dict(headers) | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        with contextlib.closing(connection):
            try:
                connection.request(method, self._path + path, body.encode() if body else None, sent)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise UnreachableError(self._unreachable(error)) from None
            with answer:
                yield answer

    def failure(self, answer: http.client.HTTPResponse) -> CommandError:
        """Read what a bad answer says. Raises UnreachableError where it breaks off."""
        text = _text(answer, self.url)
        if answer.status == http.HTTPStatus.UNAUTHORIZED and not self._key:
            return CommandError(
                f"the API at {self.url} needs a key: name the file that holds it with --key-file, or set "
                "LANDFALL_API_KEY; `landfall keys create` makes one."
            )
        return _failure(answer.status, text, self.url)

    def _unreachable(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"what listens at {self.url} gave no answer within {self.timeout:g} s; look at the log of `landfall up`."
        return f"no Landfall answers at {self.url}: start it with `landfall up` or name it with --url."


def _query_string(query: Query) -> str:
    given = {name: value for name, value in query.items() if value not in (None, [])}
    return "?" + urlencode(given, doseq=True) if given else ""


def _text(answer: http.client.HTTPResponse, url: str) -> str:
    try:
        return answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        raise UnreachableError(f"the connection to {url} broke; try again.") from None


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except ValueError:
        return None


def _failure(status: int, text: str, url: str) -> CommandError:
    """Turn a problem (RFC 9457) into the failure that it is to whoever typed the command."""
    problem = _json(text)
    if not isinstance(problem, dict) or not {"title", "detail"} & problem.keys():
        return CommandError(
            f"what answers at {url} is not Landfall (HTTP {status}); name the right address with --url."
        )
    sentence = str(problem.get("detail") or problem.get("title"))
    if status not in _WRONG_INPUT:
        return CommandError(sentence)
    lines = [_field_line(error) for error in problem.get("errors") or ()]
    return RefusedError("\n".join(lines)) if lines else WrongInputError(sentence)


def _field_line(error: Mapping[str, Any]) -> str:
    pointer = str(error.get("pointer") or error.get("parameter") or "").lstrip("#/")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    field = ".".join(steps[1:] if steps[:1] == ["request"] else steps)
    return f"{field}: {error.get('detail', '')}" if field else str(error.get("detail", ""))
