"""Names what may go wrong in a run."""

from pathlib import Path


class NotFinishedError(Exception):
    """The contender could not be started, or did not store every export in time; the text says what was seen."""


def end_of_log(path: Path) -> str:
    """The last words of a log."""
    return path.read_text(encoding="utf-8", errors="replace")[-400:].strip() or "empty"
