"""Follows an export to its end: a live line on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from cli.client import Api, Reply
from cli.failures import NotStoredError
from cli.output import answer, remark
from cli.words import plain, span
from landfall.sizes import size
from landfall_client.waiting import export_ended


class Display(Protocol):
    """Shows how the export stands now."""

    def __call__(self, export: dict[str, Any], in_state: float) -> None:
        """Show it; `in_state` is the time in seconds since its state changed."""


def follow(api: Api, export_id: str) -> Reply:
    """Show the export's progress on standard error until it ends, and return it as it then is.

    An API that is away is waited for, up to a minute. Raises UnreachableError after that. Ctrl-C says that the
    export goes on.
    """
    try:
        with _display() as show:
            return api.run(export_ended(api.place, export_id, None, _Clock(show)))
    except KeyboardInterrupt:
        remark(f"\nThe export goes on without you; look at it with `landfall show {export_id}`.")
        raise


def tell_end(export: dict[str, Any], *, quiet: bool) -> None:
    """Print where the file lies. Raises NotStoredError where there is none, with the reason and the action."""
    if export["state"] != "stored":
        raise NotStoredError(end_in_words(export))
    if not quiet:
        answer(end_in_words(export))


def end_in_words(export: dict[str, Any]) -> str:
    """Say how an export ended, in one sentence or a few short lines."""
    found, error = export["file"], export["error"]
    if export["state"] == "stored":
        rows = "empty: no rows" if found["empty"] else f"{found['rows']} rows"
        return f"stored: {found['uri']}\n{rows}, {size(found['bytes'])}, sha256 {found['sha256']}"
    if error:
        text = f"export {export['id']} {export['state']}: {error['code']}: {error['message'].rstrip('.')}. {error['action']}"
        return plain(text)
    return f"export {export['id']} is {export['state']}."


class _Clock:
    """Tells a display for how long the export has been in its state."""

    def __init__(self, show: Display) -> None:
        self._show = show
        self._state, self._since = "", 0.0

    def __call__(self, export: dict[str, Any]) -> None:
        if export["state"] != self._state:
            self._state, self._since = export["state"], time.monotonic()
        self._show(export, time.monotonic() - self._since)


@contextmanager
def _display() -> Iterator[Display]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with console.status("") as status:
        yield lambda export, in_state: status.update(Text(_progress(export, in_state)))


class _Lines:
    """Prints a line whenever the state changes."""

    def __init__(self) -> None:
        self._state = ""

    def __call__(self, export: dict[str, Any], in_state: float) -> None:  # noqa: ARG002 - a change has just begun
        if export["state"] != self._state:
            self._state = export["state"]
            remark(f"{export['id']} {self._state}")


def _progress(export: dict[str, Any], in_state: float) -> str:
    parts = [f"{export['state']} for {span(in_state)}", f"{export['polls']} polls"]
    if export["attempts"] > 1:
        parts.append(f"attempt {export['attempts']}")
    if export["error"]:
        parts.append(plain(export["error"]["message"]))
    return f"{export['id']}  " + ", ".join(parts)
