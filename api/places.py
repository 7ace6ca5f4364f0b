"""Finds places in a JSON document, and the name that somebody meant."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

Place = tuple[str | int, ...]

_FEW = 8
_LONGEST_TRIED = 100


def meant(name: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?`, or what there is where nothing is like the name, or nothing where that is too much."""
    # What is much longer than any name resembles none, and to find that out takes long.
    close = get_close_matches(name, known, 1) if len(name) <= _LONGEST_TRIED else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if 0 < len(known) <= _FEW else ""


def pointer_to(place: Sequence[str | int]) -> str:
    """The place in a JSON document as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def fields_at(place: Sequence[str | int], model: type[BaseModel]) -> set[str]:
    """The names of the fields that an object at this place of the model may have."""
    found = {model}
    for step in place:
        # A step that is no field is a number in a list, or a name in a dict or among alternatives.
        inner = [each.model_fields[step].annotation for each in found if step in each.model_fields]
        found = {below for kind in inner for below in _models_in(kind)} if inner else found
    return {field.alias or name for each in found for name, field in each.model_fields.items()}


def _models_in(kind: Any) -> set[type[BaseModel]]:  # noqa: ANN401 - an annotation may be anything
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {kind}
    return {model for each in get_args(kind) for model in _models_in(each)}
