"""Reads a subcommand's words by its function's annotations, with typer."""

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failures import DONE, WrongInputError
from cli.output import writing

_NEGATIVE = re.compile(r"No such option: -[0-9]")


def _some_id(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("it is empty; `landfall list` shows the ids")
    return text


Url = Annotated[
    str | None,
    typer.Option(help="Address of the API; default: $LANDFALL_URL, the running `landfall up`, the settings."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="File with the API key; default: $LANDFALL_API_KEY, $LANDFALL_API_KEY_FILE, <home>/api-key for the local API.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly the API's JSON.")]
Cursor = Annotated[
    str | None, typer.Option(metavar="NEXT", help="Go on behind another page: its `next`, with the same filters.")
]
ExportId = Annotated[str, typer.Argument(metavar="ID", help="The export's id.", callback=_some_id)]


def group(commands: Mapping[str, Callable[..., Any]], about: str) -> typer.Typer:
    """Commands that share a first word, by their second one."""
    application = typer.Typer(add_completion=False, rich_markup_mode=None, help=about)
    for name, function in commands.items():
        application.command(name)(function)
    return application


def run(function: Callable[..., Any] | typer.Typer, name: str, arguments: list[str], epilog: str) -> int:
    """Call the function, or that of the group, with the words. Raises WrongInputError for words that do not fit it."""
    application = function if isinstance(function, typer.Typer) else _lone(function, epilog)
    try:
        with writing() if "--help" in arguments else nullcontext():
            code = application(arguments, standalone_mode=False, prog_name=f"landfall {name}")
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        if _NEGATIVE.match(message):
            message += "; a negative number goes behind --"
        raise WrongInputError(f"{message}; see `landfall {name} --help`.") from None
    return code if isinstance(code, int) else DONE


def _lone(function: Callable[..., Any], epilog: str) -> typer.Typer:
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command(epilog=epilog)(function)
    return application
