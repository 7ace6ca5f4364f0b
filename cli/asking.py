"""Names the options with which exports are asked for, one or many."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cli.failures import WrongInputError
from cli.fields import read_labels

_KEY = re.compile(r"[\x20-\x7e]{1,255}")

Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="Your own names for it; may be given more than once."),
]
Priority = Annotated[int | None, typer.Option(metavar="N", help="Higher goes first; default 0.")]
Deadline = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="How long the vendor may take, ISO 8601; default PT12H."),
]
CallbackUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Is told when the export ends; needs callback_secret in the settings.")
]
Reuse = Annotated[
    bool, typer.Option("--reuse", help="Be content with a stored export of the same request, if its range was over.")
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="Your own name for this request: sent again under it within a day, it does nothing."
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Show the progress until all has ended; exit code 3 unless stored.")]


def key_header(key: str | None) -> dict[str, str]:
    """The header that names the request, if it has a name. Raises WrongInputError for one that cannot be sent."""
    if key is None:
        return {}
    if not _KEY.fullmatch(key):
        raise WrongInputError("--idempotency-key: write it as 1 to 255 printable ASCII characters.")
    return {"Idempotency-Key": key}


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were given at all: the API has defaults for the others."""
    return {name: value for name, value in values.items() if value is not None}


def of_each(account: str | None, deadline: str | None, callback_url: str | None, *, reuse: bool) -> dict[str, Any]:
    """What a batch has for each of its exports, in the API's words."""
    stored = "stored" if reuse else None
    return said({"account": account, "deadline": deadline, "callback_url": callback_url, "reuse": stored})


def of_all(labels: Sequence[str] | None, priority: int | None) -> dict[str, Any]:
    """What a batch has for all of its exports together. Raises WrongInputError."""
    return said({"labels": read_labels(labels or ()) or None, "priority": priority})
