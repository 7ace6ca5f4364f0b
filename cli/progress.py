"""Shows how much of so much is done, on a terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)


@contextmanager
def bytes_progress(total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error until the block ends; what is yielded takes further bytes, or gives some back."""
    with _progress(total, done, BarColumn(), DownloadColumn(), TransferSpeedColumn()) as advance:
        yield advance


@contextmanager
def rows_progress(total: int) -> Iterator[Callable[[int], None]]:
    """The same for rows."""
    with _progress(total, 0, BarColumn(), MofNCompleteColumn(), TextColumn("rows")) as advance:
        yield advance


@contextmanager
def _progress(total: int, done: int, *columns: ProgressColumn) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, completed=done)
        yield lambda count: progress.advance(task, count)
