"""Reads the documentation: its pages' blocks of code, code spans, links and headings.

What an author has to know of the tests stands here:

- A fence names its language; output is `text`.
- A page in docs/ links to no page outside it, which the site does not hold; links to other files of the checkout become plain words there.
- The blocks of a page run in order, in one folder (tests/docs/house.py). One that cannot run says why, directly above:
  `<!-- not run: needs Docker -->`.
- A comment that is the name of a file, directly above, makes the block that file: `<!-- acme/client.py -->`.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
_NOT_RUN = re.compile(r"<!--\s*not run:\s*(.+?)\s*-->")
_FILE = re.compile(r"<!--\s*([\w./-]+\.\w+)\s*-->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code, `line` lines into its page."""

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation; `name` is its path in the checkout."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @property
    def blocks(self) -> list[Block]:
        return list(_blocks(self.name, tokens(self.name)))

    @property
    def spans(self) -> list[tuple[int, str]]:
        """Code in running text and in tables, each with its line."""
        return [(line, token.content) for line, token in _inline(tokens(self.name)) if token.type == "code_inline"]

    @property
    def targets(self) -> list[tuple[int, str]]:
        """Where its links and pictures lead."""
        named = {"link_open": "href", "image": "src"}
        return [
            (line, str(token.attrs[named[token.type]]))
            for line, token in _inline(tokens(self.name))
            if token.type in named
        ]

    @property
    def anchors(self) -> set[str]:
        """The fragments of its headings, as the site and a forge make them."""
        seen: dict[str, int] = {}
        found = set()
        for heading in _headings(tokens(self.name)):
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            seen[anchor] = seen.get(anchor, -1) + 1
            found.add(f"{anchor}_{seen[anchor]}" if seen[anchor] else anchor)
        return found


def pages() -> list[Page]:
    """README.md and every page below docs/."""
    return [Page("README.md"), *(Page(str(path.relative_to(ROOT))) for path in sorted(DOCS.rglob("*.md")))]


@cache
def tokens(name: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / name).read_text(encoding="utf-8"))


def _blocks(page: str, found: list[Token]) -> Iterator[Block]:
    for before, token in zip([None, *found], found, strict=False):
        if token.type == "fence" and token.map:
            above = before.content if before and before.type == "html_block" else ""
            reason, file = _NOT_RUN.search(above), _FILE.search(above)
            language = token.info.split()[0] if token.info.split() else ""
            yield Block(page, token.map[0] + 1, language, token.content, reason and reason[1], file and file[1])


def _inline(found: list[Token]) -> Iterator[tuple[int, Token]]:
    line = 0
    for token in found:
        line = token.map[0] + 1 if token.map else line
        for child in token.children or ():
            yield line, child


def _headings(found: list[Token]) -> Iterator[str]:
    for opening, token in itertools.pairwise(found):
        if opening.type == "heading_open":
            yield "".join(child.content for child in token.children or ())
