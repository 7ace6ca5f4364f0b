"""Prints rows as a table on a terminal and as tab-separated lines in a pipe."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cli.output import answer, remark, writing
from cli.words import plain


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print the rows below the header."""
    lines = [[plain(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(header, lines)
        return
    answer("\t".join(header))
    for line in lines:
        answer("\t".join(line))


def tell_of_more(page: Mapping[str, Any], most: int = 200) -> None:
    """Say on standard error how to see the rest, where a page of the API, of `most` at most, is not the last."""
    if page["next"]:
        remark(f"There are more: the same with --cursor {page['next']} goes on (--limit {most}: more at once).")


def _print_rich(header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich costs a third of the command's time, a pipe needs none of it
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(cell.replace("[", r"\[") for cell in line))
    with writing():
        Console().print(table)
