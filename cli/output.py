"""Writes a command's answer to standard output and its remarks to standard error."""

import sys


def answer(text: str) -> None:
    """Write what was asked for, at once."""
    print(text, flush=True)


def remark(text: str) -> None:
    """Write what is no answer: progress, hints, failures."""
    print(text, file=sys.stderr, flush=True)
