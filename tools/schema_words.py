"""Puts a JSON schema's types and bounds into words, for the reference."""

from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]

_NAMES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}
_FORMATS = {
    "path": "path",
    "duration": "duration (ISO 8601)",
    "date-time": "time (ISO 8601)",
    "date": "date",
    "uuid": "UUID",
}

_BOUNDS = {
    "minimum": ("at least", ""),
    "exclusiveMinimum": ("above", ""),
    "maximum": ("at most", ""),
    "maxLength": ("at most", " characters"),
    "maxItems": ("at most", ""),
}


def _model_name(name: str) -> str:
    return f"`{name}`"


def words(schema: Json, refer: Callable[[str], str] = _model_name) -> str:
    """What a value may be; `refer` writes the name of another model."""
    if "$ref" in schema:
        return refer(schema["$ref"].rpartition("/")[2])
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(words(each, refer) for each in choices))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{each}`" for each in schema.get("enum") or [schema["const"]])
    return _with_bounds(_kind(schema, refer), schema)


def _kind(schema: Json, refer: Callable[[str], str]) -> str:
    kind: str = schema.get("type", "any value")
    if kind == "array":
        return f"list of {words(schema.get('items', {}), refer)}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"table of {words(values, refer)}" if isinstance(values, dict) else "table"
    return _FORMATS.get(schema.get("format", ""), _NAMES.get(kind, kind))


def _with_bounds(name: str, schema: Json) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{name}, {number(least)} to {number(most)}"
    bounds = [f"{word} {number(schema[each])}{unit}" for each, (word, unit) in _BOUNDS.items() if each in schema]
    return ", ".join([name, *bounds])


def number(value: float) -> str:
    """The number as somebody would write it: 30 for 30.0."""
    return str(int(value)) if value == int(value) else f"{value:g}"
