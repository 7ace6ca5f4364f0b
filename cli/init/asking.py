"""Asks on a terminal, where a secret is not seen while it is typed."""

import getpass
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cli.failures import CommandError, WrongInputError
from cli.output import remark
from landfall.settings import SettingsError

T = TypeVar("T")
_YES = {"y": True, "yes": True, "n": False, "no": False}


def on_a_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, read: Callable[[str], T], default: str = "") -> T:
    """Ask until `read` takes the answer; Return alone stands for the default. Raises CommandError at the input's end."""
    while True:
        with _ending_the_line():
            print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
        if not line:
            raise _ended()
        try:
            return read(line.strip() or default)
        except (WrongInputError, SettingsError) as error:
            remark(f"  {error}")


def ask_yes(question: str, *, default: bool) -> bool:
    """Ask for yes or no."""
    return ask(f"{question} (y/n)", _yes, "y" if default else "n")


def ask_secret(name: str) -> str:
    """Ask for a secret, of which the terminal shows nothing. Raises CommandError where it cannot be hidden."""
    while True:
        try:
            with _ending_the_line(), warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                typed = getpass.getpass(f"{name} (it is not shown): ", sys.stderr).strip()
        except getpass.GetPassWarning:
            raise CommandError(
                "this terminal cannot hide what is typed; put the secret into a file or an environment variable."
            ) from None
        except EOFError:
            raise _ended() from None
        if typed.isascii() and typed.isprintable() and typed:
            return typed
        remark("  it is empty or holds letters that cannot be sent; copy it again.")


def _yes(word: str) -> bool:
    try:
        return _YES[word.lower()]
    except KeyError:
        raise WrongInputError("answer with y or n.") from None


@contextmanager
def _ending_the_line() -> Iterator[None]:
    """Leave the question's line at Ctrl-C, so that the shell's prompt does not stand behind it."""
    try:
        yield
    except KeyboardInterrupt:
        remark("")
        raise


def _ended() -> CommandError:
    return CommandError("the input ended before everything was answered.")
