"""Writes docs/reference/http-api.md from docs/openapi.json: `python -m tools.http_reference`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.markdown import code, plain, table
from tools.schema_words import number, words

_DOCS = Path(__file__).parents[1] / "docs"
PAGE = _DOCS / "reference" / "http-api.md"

Json = Mapping[str, Any]

_NOTHING_SAID = "Successful Response"  # FastAPI's words where the route says nothing
_HEAD = """\
# Every route

<!-- Written by `python -m tools.http_reference` from docs/openapi.json. -->

Every route of the HTTP API with its parameters, its body and its answers, as [openapi.json](../openapi.json) has them. [The HTTP API](api.md) says what they are for; [Errors](errors.md#of-the-http-api) has the problems that any
route may answer, which are left out below.

"""


def http_text() -> str:
    """The page, as the committed description has it."""
    document = json.loads((_DOCS / "openapi.json").read_text(encoding="utf-8"))
    routes = [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    tags = dict.fromkeys(operation["tags"][0] for _, _, operation in routes)
    parts = [_HEAD]
    for tag in tags:
        parts.append(f"## {tag.capitalize()}\n\n")
        parts += [_route(*route) for route in routes if route[2]["tags"][0] == tag]
    parts.append("## What is sent and answered\n\n")
    parts += [_model(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "".join(parts).rstrip() + "\n"


def _route(path: str, method: str, operation: Json) -> str:
    scopes = [scope for needs in operation.get("security", ()) for scope in needs.get("key", ())]
    key = f"Needs a key of scope `{scopes[0]}`." if scopes else "Needs no key."
    parts = [f"### {method.upper()} {path}\n\n{plain(operation['description'])} {key}\n\n"]
    if parameters := operation.get("parameters"):
        parts += [table(("parameter", "in", "type", "what it is"), map(_parameter, parameters)), "\n"]
    if body := operation.get("requestBody"):
        parts.append(f"Body: {_contents(body)}.\n\n")
    answers = [(status, answer) for status, answer in operation["responses"].items() if "$ref" not in answer]
    parts += [table(("status", "when", "answer"), (_answer(*each) for each in answers)), "\n"]
    return "".join(parts)


def _parameter(parameter: Json) -> list[str]:
    schema = parameter["schema"]
    about = parameter.get("description") or schema.get("description") or ""
    needed = parameter.get("required") and parameter["in"] != "path"
    return [
        code(parameter["name"]) + (" (needed)" if needed else ""),
        parameter["in"],
        _kind(
            {"anyOf": [each for each in schema["anyOf"] if each.get("type") != "null"]} if "anyOf" in schema else schema
        ),
        plain(about) + _default(schema),
    ]


def _answer(status: str, answer: Json) -> list[str]:
    about = answer["description"]
    return [status, "" if about == _NOTHING_SAID else plain(about), _contents(answer)]


def _contents(message: Json) -> str:
    return ", ".join(
        _kind(content["schema"]) if media.endswith("json") and content.get("schema") else code(media)
        for media, content in message.get("content", {}).items()
    )


def _model(name: str, schema: Json) -> str:
    parts = [f"### {name}\n\n"]
    if about := schema.get("description"):
        parts.append(f"{plain(about)}\n\n")
    if fields := schema.get("properties"):
        needed = schema.get("required", ())
        parts += [table(("field", "type", "what it is"), _fields(fields, needed)), "\n"]
    else:
        parts.append(f"{_kind(schema).capitalize() if 'enum' not in schema else _kind(schema)}.\n\n")
    return "".join(parts)


def _fields(fields: Json, needed: list[str]) -> Iterator[list[str]]:
    for name, schema in fields.items():
        mark = "" if name in needed or "default" in schema else " (may be left out)"
        yield [code(name) + mark, _kind(schema), plain(schema.get("description", "")) + _default(schema)]


def _default(schema: Json) -> str:
    match schema.get("default"):
        case None | [] | {} | "":
            return ""
        case bool(value):
            return f" Default: {code(json.dumps(value))}."
        case int(value) | float(value):
            return f" Default: {number(value)}."
        case value:
            return f" Default: {code(str(value))}."


def _kind(schema: Json) -> str:
    return words(schema, lambda name: f"[{name}](#{_anchor(name)})")


def _anchor(heading: str) -> str:
    """The fragment that the site, and a forge, give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(http_text(), encoding="utf-8")
