"""Makes a form of a vendor's request schema, and a submission of what was typed into it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from api import strict_json
from api.pages.forms import Form
from api.problems import ProblemError
from api.schemas.submission import LABEL_KEY
from landfall.vendors.request import VendorRequest

_BELOW = "request."
_NAIVE_ENDS_IN = "Z"


class Kind(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    CHOICE = "choice"
    MOMENT = "moment"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form: its own name, and that of what it fills in the request."""

    name: str
    label: str
    kind: Kind
    required: bool
    hint: str = ""
    example: str = ""
    choices: Sequence[str] = ()


class NotReadable(ValueError):
    """What was typed cannot be read; `errors` says why, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Keep what is wrong with each field."""
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


def fields_of(schema: type[VendorRequest]) -> list[Field]:
    """The fields of the vendor's requests, those that are needed first."""
    written = schema.model_json_schema(mode="serialization")
    found = [_field(schema, name, written) for name in schema.model_fields]
    return sorted(found, key=lambda field: not field.required)


def _field(schema: type[VendorRequest], name: str, written: Mapping[str, Any]) -> Field:
    declared = schema.model_fields[name]
    label = declared.alias or name
    forms = list(_forms(written["properties"][label], written.get("$defs", {})))
    choices = [str(each) for form in forms for each in form.get("enum", [form["const"]] if "const" in form else [])]
    example = schema.example.get(label, "")
    return Field(
        name=_BELOW + label,
        label=label,
        kind=Kind.CHOICE if choices else _kind(forms),
        required=declared.is_required(),
        hint=declared.description or "",
        example=example if isinstance(example, str) else json.dumps(example),
        choices=choices,
    )


def _forms(schema: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a value may be, null aside."""
    if "$ref" in schema:
        yield from _forms(named[schema["$ref"].rpartition("/")[2]], named)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _forms(each, named)
    elif schema.get("type") != "null":
        yield schema


def _kind(forms: Sequence[Mapping[str, Any]]) -> Kind:
    if any(form.get("format") == "date-time" for form in forms):
        return Kind.MOMENT
    return Kind.TEXT if all(form.get("type") == "string" for form in forms) else Kind.JSON


def submission_of(form: Form, fields: Sequence[Field]) -> dict[str, Any]:
    """The body that a client of the API would send. Raises NotReadable."""
    errors: dict[str, str] = {}
    request: dict[str, Any] = {}
    for field in fields:
        try:
            if text := form.text(field.name):
                request[field.label] = _value(field, text)
        except ValueError as error:
            errors[field.name] = str(error)
    body: dict[str, Any] = {"account": form.text("account"), "request": request, "force": form.text("force") == "yes"}
    try:
        body["priority"] = int(form.text("priority") or "0")
    except ValueError:
        errors["priority"] = "write a whole number"
    try:
        body["labels"] = dict(_labels(form.text("labels")))
    except ValueError as error:
        errors["labels"] = str(error)
    if errors:
        raise NotReadable(errors)
    return body


def _value(field: Field, text: str) -> object:
    if field.kind is Kind.MOMENT:
        return _in_utc(text)
    if field.kind is not Kind.JSON:
        return text
    try:
        return strict_json.read(text.encode())
    except ProblemError as problem:
        bad = problem.status == HTTPStatus.BAD_REQUEST
        raise ValueError("this is no JSON; write it as in the example" if bad else problem.detail) from None


def _in_utc(text: str) -> str:
    """What names no zone is in UTC, as all times of the pages are."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text  # the schema says what is wrong with it
    is_date = "T" not in text and " " not in text
    return text if is_date or moment.tzinfo else text + _NAIVE_ENDS_IN


def _labels(text: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not LABEL_KEY.fullmatch(key):
            raise ValueError(f"write each as key:value on a line of its own; {line[:40]!r} is not")
        if key in seen:
            raise ValueError(f"{key} is given more than once")
        seen.add(key)
        yield key, value


def placed(where: str, detail: str, fields: Sequence[Field], model: type[BaseModel]) -> tuple[str, str]:
    """The field of the form that an error of the API is about, empty where it is none, and what to write beside it."""
    top, _, below = where.strip("/").partition("/")
    if top == "request":
        name, _, inside = below.partition("/")
        if name in {field.label for field in fields}:
            return _BELOW + name, f"{inside.replace('/', '.')}: {detail}" if inside else detail
        return "", f"{name}: {detail}" if name else detail
    return (top, detail) if top in model.model_fields else ("", detail)
