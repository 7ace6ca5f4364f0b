"""Shows many exports moving at once: a live table on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.tables import STATE_COLOURS
from landfall.sizes import size


class Board(Protocol):
    """Shows how the exports stand now."""

    def show(self, exports: Sequence[Mapping[str, Any]], accounts: Sequence[Mapping[str, Any]]) -> None:
        """Show them, in this order, and the slots that their accounts use."""


def open_board(tell: Callable[[str], None], *, live: bool) -> AbstractContextManager[Board]:
    """Choose the board: a live one where that is wanted and standard output can show it, else lines that are told."""
    console = Console()
    return _LiveBoard(console) if live and console.is_terminal else _LineBoard(tell)


def title(export: Mapping[str, Any]) -> str:
    """Name an export by what it asks for."""
    request = export["request"]
    kind = request.get("export_type") or request.get("report_type", "")
    experience = request.get("experience_id", "")[:8]
    period = f"{request.get('start', '')[:10]} to {request.get('end', '')[:10]}"
    return " ".join(word for word in (kind, experience, period) if word)


class _LineBoard:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._began = time.monotonic()
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, exports: Sequence[Mapping[str, Any]], accounts: Sequence[Mapping[str, Any]]) -> None:
        for export in exports:
            if self._states.get(export["id"]) != export["state"]:
                self._states[export["id"]] = export["state"]
                seconds = time.monotonic() - self._began
                self._tell(
                    f"{seconds:5.1f} s  {export['account']:8}  {title(export):52}  {export['state']:9}  {_slots(accounts)}"
                )


class _LiveBoard:
    def __init__(self, console: Console) -> None:
        self._began = time.monotonic()
        self._live = Live(console=console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, exports: Sequence[Mapping[str, Any]], accounts: Sequence[Mapping[str, Any]]) -> None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("ACCOUNT", "EXPORT", "STATE", "POLLS", "FILE"):
            table.add_column(name, no_wrap=True, justify="right" if name == "POLLS" else "left")
        for export in exports:
            state = Text(export["state"], style=STATE_COLOURS.get(export["state"], ""))
            cells = [
                Text(export["account"]),
                Text(title(export)),
                state,
                Text(str(export["polls"])),
                Text(_file(export)),
            ]
            table.add_row(*cells)
        seconds = time.monotonic() - self._began
        self._live.update(Group(table, Text(f"{seconds:.0f} s  {_slots(accounts)}", style="bold")))


def _file(export: Mapping[str, Any]) -> str:
    found = export["file"]
    return f"{found['rows']} rows, {size(found['bytes'])}" if found else ""


def _slots(accounts: Sequence[Mapping[str, Any]]) -> str:
    words = (f"{each['name']} {each['slots_used']} of {each['max_started']}" for each in accounts)
    return "slots used: " + ", ".join(words)
