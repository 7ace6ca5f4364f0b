"""Writes a command's answer to standard output and its remarks to standard error."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from cli.failures import CommandError


def answer(text: str) -> None:
    """Write what was asked for, at once. Raises as `writing` does."""
    with writing():
        print(text, flush=True)


def remark(text: str) -> None:
    """Write what is no answer: progress, hints, failures. Where nobody can read it, it is lost."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Write to standard output in this block.

    Raises BrokenPipeError where its reader has left, and CommandError where it takes nothing for another reason.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon(sys.stdout)
        raise CommandError(
            f"standard output cannot be written to ({error.strerror}); make room or send it elsewhere."
        ) from None


def abandon(stream: TextIO) -> None:
    """Let the stream lead nowhere: what is left in it would make the interpreter complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
