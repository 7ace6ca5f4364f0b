"""Shows how many bytes of so many are done, on a terminal alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn


@contextmanager
def bytes_progress(total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error until the block ends; what is yielded takes further bytes, or gives some back."""
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, completed=done)
        yield lambda count: progress.advance(task, count)
