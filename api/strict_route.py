"""Reads requests strictly: a query of known names, a body that is JSON and is read once, no NUL anywhere."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api import strict_json
from api.places import meant, pointer_to
from api.problems import MOST_ERRORS, FieldError, ProblemError, invalid

_JSON = "application/json"
_MANY = (list, set, frozenset, tuple, Sequence)
# RFC 9110, 9.3.1: what comes with these means nothing.
_BODY_IS_IGNORED = frozenset({"GET", "HEAD"})


class StrictRoute(APIRoute):
    """A route of the API: `APIRouter(route_class=StrictRoute)`."""

    # What bodies are: a route that takes something else reads it itself.
    reads_json: ClassVar[bool] = True

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, behind a look at what it would let pass."""
        handle = super().get_route_handler()
        known = dict(_parameters(self.dependant))
        takes_a_body = self.body_field is not None

        async def handle_strictly(request: Request) -> Response:
            if "\0" in request.scope["path"]:
                # Postgres cannot even be asked for one: nothing has it in its name.
                raise ProblemError(HTTPStatus.NOT_FOUND, "nothing has a name with NUL characters")
            if query := request.scope["query_string"]:
                _check_query(query, known)
            if self.reads_json and (takes_a_body or request.method not in _BODY_IS_IGNORED):
                request = _Read(request.scope, request.receive)
                await request.read(means_something=takes_a_body)
            return await handle(request)

        return handle_strictly


class _Read(Request):
    """A request whose JSON has been read."""

    async def read(self, *, means_something: bool) -> None:
        """Read the body. Raises ProblemError (400, 413, 415 or 422) where it is no JSON that Landfall takes here."""
        body = await self.body()
        if body:
            kind, packed = (", ".join(self.headers.getlist(name)) for name in ("content-type", "content-encoding"))
            _check_type(self.method, kind, packed)
            self._value = strict_json.read(body)
            if self._value and not means_something:
                raise _means_nothing(self._value)

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """What was read."""
        return self._value


def _means_nothing(value: object) -> ProblemError:
    """Whoever sends `{"dry_run": true}` along with a cancel means something by it."""
    names = list(value)[:MOST_ERRORS] if isinstance(value, dict) else []
    detail = "this address takes no body; leave it out"
    return invalid(
        [FieldError(pointer=pointer_to(place), detail=detail) for place in [[name] for name in names] or [[]]]
    )


def _check_type(method: str, kind: str, packed: str) -> None:
    name, _, parameters = kind.lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if packed and packed.lower() != "identity":
        raise _unsupported(
            method, "Content-Encoding", f"a body that is packed ({packed[:40]}) is not taken; send it as it is"
        )
    if name.strip() != _JSON or charset not in {"", "utf-8"}:
        told = f"not {kind[:100]!r}" if kind else "this names none"
        raise _unsupported(method, "Content-Type", f"a body is sent as {_JSON}, in UTF-8; {told}")


def _unsupported(method: str, header: str, detail: str) -> ProblemError:
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    accepted = {f"accept-{method.lower()}": _JSON}
    return ProblemError(status, detail, [FieldError(header=header, detail=detail)], headers=accepted)


def _check_query(query: bytes, known: Mapping[str, bool]) -> None:
    """Raise ProblemError (422) for a name that is not known, one that is given twice, or text that cannot be kept."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if len(errors) >= MOST_ERRORS:
            break
        if name not in known:
            errors.append(FieldError(parameter=name, detail=f"there is no such parameter{meant(name, known)}"))
        elif name in seen and not known[name]:
            errors.append(FieldError(parameter=name, detail="it is given more than once; give it once"))
        elif "\0" in value:
            errors.append(FieldError(parameter=name, detail="text with NUL characters cannot be looked for"))
        seen.add(name)
    if errors:
        raise invalid(errors)


def _parameters(dependant: Dependant) -> Iterable[tuple[str, bool]]:
    """The names that a query may have, and whether each may stand more than once."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, _takes_many(each.annotation)) for name, each in kind.model_fields.items())
        else:
            yield field.alias, _takes_many(kind)
    for each in dependant.dependencies:
        yield from _parameters(each)


def _takes_many(kind: Any) -> bool:  # noqa: ANN401 - an annotation may be anything
    return get_origin(kind) in _MANY or kind in _MANY or any(_takes_many(each) for each in get_args(kind))
