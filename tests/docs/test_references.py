"""Promises that the generated pages of the reference are what the code says."""

import ast
import re
from http import HTTPStatus
from typing import Any

import pytest

from api.problems import code_of
from tests.docs.pages import ROOT
from tools import errors_reference, http_reference, settings_reference
from tools.markdown import plain, table
from tools.schema_words import words

PAGES = {
    "settings_reference": (settings_reference.PAGE, settings_reference.settings_text),
    "http_reference": (http_reference.PAGE, http_reference.http_text),
    "errors_reference": (errors_reference.PAGE, errors_reference.errors_text),
}


@pytest.mark.parametrize("tool", PAGES)
def test_a_generated_page_is_what_the_code_says(tool: str) -> None:
    page, text = PAGES[tool]
    if page.read_text(encoding="utf-8") != text():
        pytest.fail(f"{page.relative_to(ROOT)} differs from the code; write it anew with `python -m tools.{tool}`")


def test_every_code_that_an_export_may_show_is_on_the_page() -> None:
    told = set(re.findall(r"`(\w+)`", errors_reference.errors_text()))
    spelled = {
        node.args[0].value
        for source in ("landfall", "worker", "api")
        for path in (ROOT / source).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Fault"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert spelled <= told


def test_every_problem_of_the_api_is_on_the_page() -> None:
    used: set[str] = set()
    for path in (ROOT / "api").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used |= {code for node in ast.walk(tree) for code in _codes(node)}
    told = {code for _, code in errors_reference.HELP}
    assert used <= told
    assert told - used <= {"method_not_allowed"}, "it is told of, but no code of the API answers it"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("file://<home>/files", "file://&lt;home>/files"),
        ('"*" or `*.example`', '"\\*" or `*.example`'),
        ("needs landfall[parquet]", "needs landfall\\[parquet]"),
        ("two\n  lines", "two lines"),
    ],
)
def test_a_description_holds_no_markup_by_accident(text: str, written: str) -> None:
    assert plain(text) == written


def test_a_cell_keeps_its_bar() -> None:
    assert table(("a",), [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 2, "maximum": 200}, "integer, 2 to 200"),
        ({"type": "number", "exclusiveMinimum": 0.0}, "number, above 0"),
        ({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}, "text, at most 9 characters or null"),
        ({"type": "array", "items": {"$ref": "#/$defs/State"}}, "list of `State`"),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        (
            {"type": "object", "additionalProperties": {"type": "string", "format": "duration"}},
            "table of duration (ISO 8601)",
        ),
    ],
)
def test_a_schema_is_put_into_words(schema: dict[str, Any], said: str) -> None:
    assert words(schema) == said


def _codes(node: ast.AST) -> list[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="HTTPStatus"), attr=name):
            status = HTTPStatus[name]
            return [code_of(status)] if status >= HTTPStatus.BAD_REQUEST else []
        case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
            return [code]
        case _:
            return []
