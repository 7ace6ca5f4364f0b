"""Prints rows as a table on a terminal and as tab-separated lines in a pipe."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cli.output import answer, remark, writing
from cli.words import plain

STATE_COLOURS = {
    "queued": "dim",
    "starting": "cyan",
    "exporting": "yellow",
    "ready": "blue",
    "stored": "green",
    "failed": "red",
    "cancelled": "magenta",
    "pending": "yellow",
    "delivered": "green",
    "good": "green",
    "expired": "dim",
    "revoked": "dim",
    "ok": "green",
    "warning": "yellow",
    "error": "red",
}
_COLOURED = "STATE"
_GAP = 2
_CUT = 16


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, the first of which tells the rows apart and is never cut.

    Where a terminal is too narrow, those of `cut` are cut to a line, then those of `spare` are left out, one after
    another. A pipe gets everything.
    """

    names: Sequence[str]
    cut: frozenset[str] = frozenset()
    spare: Sequence[str] = ()


def print_table(columns: Columns | Sequence[str], rows: Iterable[Sequence[object]], *, none: str = "") -> None:
    """Print the rows below the header; where there are none, say so (`none`) on standard error."""
    columns = columns if isinstance(columns, Columns) else Columns(columns)
    lines = [[plain(cell) for cell in row] for row in rows]
    if not lines:
        remark(none or "There are none.")
    if not sys.stdout.isatty():
        print_lines([columns.names, *lines])
    elif lines:
        _print_rich(columns, lines)


def print_lines(rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a pipe has them."""
    for row in rows:
        answer("\t".join(plain(cell) for cell in row))


def widths(columns: Columns, lines: Sequence[Sequence[str]], room: int) -> dict[int, int]:
    """How wide a terminal of so many letters shows which columns: none that is empty in every row."""
    held = [place for place in range(len(columns.names)) if place == 0 or any(line[place] for line in lines)]
    full = {place: max(map(len, _column(columns, lines, place))) for place in held}
    least = {place: _least(columns, lines, place) for place in held}
    for name in columns.spare:
        if _together(least) <= room:
            break
        least.pop(columns.names.index(name), None)
    left = room - _together(least)
    for place in sorted(least, key=lambda place: columns.names[place] in columns.cut):
        more = max(0, min(left, full[place] - least[place]))
        least[place] += more
        left -= more
    return least


def _together(chosen: Mapping[int, int]) -> int:
    return sum(chosen.values()) + _GAP * (len(chosen) - 1)


def _column(columns: Columns, lines: Sequence[Sequence[str]], place: int) -> list[str]:
    return [columns.names[place], *(line[place] for line in lines)]


def _least(columns: Columns, lines: Sequence[Sequence[str]], place: int) -> int:
    """The first column is shown whole; of one that is cut a part will do, others are folded between words."""
    cells = _column(columns, lines, place)
    if place == 0:
        return max(map(len, cells))
    if columns.names[place] in columns.cut:
        return min(_CUT, max(map(len, cells)))
    return max(len(word) for cell in cells for word in cell.split() or [""])


def _print_rich(columns: Columns, lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich costs a third of the command's time, a pipe needs none of it
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    room = Console().width
    chosen = widths(columns, lines, room)
    # Where even the least has no room, the terminal itself breaks the lines: no id is cut.
    console = Console(width=max(room, _together(chosen)))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for place, width in chosen.items():
        cut = columns.names[place] in columns.cut
        table.add_column(columns.names[place], width=width, no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for line in lines:
        colours = [STATE_COLOURS.get(line[each], "") if columns.names[each] == _COLOURED else "" for each in chosen]
        table.add_row(*(Text(line[each], colour) for each, colour in zip(chosen, colours, strict=True)))
    with writing():
        console.print(table)
    held = (place for place in range(len(columns.names)) if any(line[place] for line in lines))
    if left_out := [columns.names[place] for place in held if place not in chosen]:
        remark(f"Left out for want of room: {', '.join(left_out)}.")
