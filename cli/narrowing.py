"""Names the options that narrow a list."""

from typing import Annotated

import typer

from cli.failures import WrongInputError
from cli.moments import as_moment

OfAccount = Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only this account's.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Created at or after it, ISO 8601; a date is its midnight UTC.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Created before it, written in the same way.")]


def moment_or_none(name: str, text: str | None) -> str | None:
    """What --since or --until say, as the API has it. Raises WrongInputError, naming the option."""
    return as_moment(name, text).isoformat() if text else None


def label_filter(word: str) -> str:
    """A label as the API's filter has it. Raises WrongInputError for what is none."""
    key, sign, value = word.partition("=" if "=" in word.partition(":")[0] else ":")
    if not sign or not key:
        raise WrongInputError(f"--label: {word!r} is no label; write it as KEY=VALUE.")
    return f"{key}:{value}"
