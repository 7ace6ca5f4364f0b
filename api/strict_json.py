"""Reads JSON that means one thing alone: no key twice in an object, no number too big, no text that cannot be kept."""

import json
import math
import re
from collections import Counter
from http import HTTPStatus
from typing import Any, Never

from api.places import Place, pointer_to
from api.problems import FieldError, ProblemError, invalid

MOST_DEPTH = 32
MOST_NAMES = 1000
# Ten thousand exports, of which each has so many as no request of ours has.
MOST_PARTS = 250_000

_MOST_ERRORS = 20
_UNFIT = re.compile("[\0\ud800-\udfff]")
_WHAT_IS_UNFIT = "text with NUL characters or half a surrogate pair cannot be kept; remove them"


def read(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value. Raises ProblemError: 400 for what is no JSON (RFC 8259), 422 for what Landfall does not take."""
    reading, parts = _Reading(), body.count(b"{") + body.count(b"[")
    if parts > MOST_PARTS:
        # Nobody else is served while they are looked through.
        raise invalid([FieldError(pointer="", detail=f"it has more than {MOST_PARTS} objects and arrays; send fewer")])
    try:
        value = reading.decoder.decode(body.decode())
    except UnicodeDecodeError as error:
        raise _no_json(f"it is not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise _no_json(
            f"{error.msg[:1].lower()}{error.msg[1:]}, at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise invalid([FieldError(pointer="", detail=_too_deep())]) from None
    except ValueError:
        raise invalid([FieldError(pointer="", detail="it holds a number with thousands of digits")]) from None
    # Without an escape no text holds what the decoder would not have refused, and few brackets do not go deep.
    if reading.found or b"\\u" in body or parts > MOST_DEPTH:
        _look_through(value)
    return value


class _Doubled(dict[str, Any]):
    """An object in which a key stands twice."""

    twice = ""


class _TooBig:
    """A number that is infinite here."""


class _Reading:
    """Decodes, leaves a mark where something is wrong, and knows whether it left any."""

    def __init__(self) -> None:
        self.found = False
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=self._number, parse_constant=self._constant
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > MOST_NAMES:
            # No object of ours has so many. What is wrong with each of a million would be found out for a minute.
            raise invalid([FieldError(pointer="", detail=f"an object in it has more than {MOST_NAMES} names")])
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.found = True
        times = Counter(name for name, _ in pairs)
        doubled = _Doubled(value)
        doubled.twice = next(name for name in value if times[name] > 1)
        return doubled

    def _number(self, text: str) -> float | _TooBig:
        number = float(text)
        if math.isfinite(number):
            return number
        self.found = True
        return _TooBig()

    def _constant(self, name: str) -> Never:
        raise _no_json(f"{name} is no number in JSON")


def _look_through(value: object) -> None:
    """Raise ProblemError (422) that says where something is wrong."""
    errors: list[FieldError] = []
    _look(value, (), errors)
    if errors:
        raise invalid(errors)


def _look(value: object, place: Place, errors: list[FieldError]) -> None:
    if len(errors) >= _MOST_ERRORS:
        return
    match value:
        case str() if _UNFIT.search(value):
            errors.append(_error(place, _WHAT_IS_UNFIT))
        case _TooBig():
            errors.append(_error(place, "the number is too big; write a finite one"))
        case dict() | list() if len(place) >= MOST_DEPTH:
            errors.append(_error(place, _too_deep()))
        case dict():
            _look_into_object(value, place, errors)
        case list():
            for number, each in enumerate(value):
                _look(each, (*place, number), errors)
        case _:
            pass


def _look_into_object(value: dict[str, Any], place: Place, errors: list[FieldError]) -> None:
    if isinstance(value, _Doubled):
        errors.append(_error((*place, value.twice), "it stands here twice; write it once"))
    for name, each in value.items():
        if _UNFIT.search(name):
            errors.append(_error(place, f"a name in it is unfit: {_WHAT_IS_UNFIT}"))
        else:
            _look(each, (*place, name), errors)


def _error(place: Place, detail: str) -> FieldError:
    return FieldError(pointer=pointer_to(place), detail=detail)


def _too_deep() -> str:
    return f"it is nested more than {MOST_DEPTH} levels deep"


def _no_json(why: str) -> ProblemError:
    detail = f"the body is not valid JSON: {why}"
    errors = [FieldError(pointer="", detail=why)]
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, errors, code="invalid_json")
