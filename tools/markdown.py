"""Writes what the generated pages of the reference are made of: tables, and text that holds no markup by accident."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line).rstrip() + " |\n" for line in lines)


def plain(text: str) -> str:
    """The text on one line, its placeholders and stars shown as they are; what stands in backticks stays code."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[")
        for part in parts
    )


def code(text: str) -> str:
    """The text as code."""
    return f"`{text}`"
