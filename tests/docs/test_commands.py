"""Promises that every landfall command that the documentation shows or names exists, with its options."""

import pytest

from tests.docs.commands import fault_in, fault_in_span, lines_in
from tests.docs.pages import Page, pages

SHELLS = {"sh", "console"}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_parser_takes_every_command_line_that_a_page_shows(page: Page) -> None:
    wrong = [
        f"{block}: landfall {' '.join(words)}: {fault}"
        for block in page.blocks
        if block.language in SHELLS
        for words in lines_in(block.text)
        if (fault := fault_in(words))
    ]
    assert wrong == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_with_its_options(page: Page) -> None:
    wrong = [f"{page.name}:{line}: `{span}`: {fault}" for line, span in page.spans if (fault := fault_in_span(span))]
    assert wrong == []


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("landfall list --state failed   # newest first", [["list", "--state", "failed"]]),
        ("A=1 landfall list | head; landfall up &", [["list"], ["up"]]),
        ("landfall submit shop \\\n  'filters:={\"a\": 1}' > out.txt", [["submit", "shop", 'filters:={"a": 1}']]),
        ("docker compose run --rm landfall fetch ID --output - > report.csv", [["fetch", "ID", "--output", "-"]]),
        ("git clone X landfall && cd landfall", []),
        ("pg_restore --dbname landfall --no-privileges", []),
        ("KEY=$(landfall keys create x)", [["keys", "create", "x"]]),
    ],
)
def test_command_lines_are_found_wherever_they_stand(script: str, found: list[list[str]]) -> None:
    assert list(lines_in(script)) == found


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("list --stat failed", "--stat"),
        ("lst", "there is no command lst"),
        ("keys mke x", "there is no keys mke"),
        ("sandbox --prt 1", "sandbox has no --prt"),
        ("show", "ID"),
    ],
)
def test_a_wrong_command_line_is_noticed(line: str, fault: str) -> None:
    assert fault in str(fault_in(line.split()))
