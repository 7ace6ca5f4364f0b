"""Reads a subcommand's words by its function's annotations, with typer."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from cli.failures import DONE, WrongInputError
from cli.output import writing


def _some_id(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("it is empty; `landfall list` shows the ids")
    return text


Url = Annotated[
    str | None,
    typer.Option(help="Address of the API; default: $LANDFALL_URL, the running `landfall up`, the settings."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly the API's JSON.")]
ExportId = Annotated[str, typer.Argument(metavar="ID", help="The export's id.", callback=_some_id)]


def run(function: Callable[..., Any], name: str, arguments: list[str], epilog: str) -> int:
    """Call the function with the words. Raises WrongInputError for words that do not fit it."""
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command(epilog=epilog)(function)
    try:
        with writing() if "--help" in arguments else nullcontext():
            code = application(arguments, standalone_mode=False, prog_name=f"landfall {name}")
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        raise WrongInputError(f"{message}; see `landfall {name} --help`.") from None
    return code if isinstance(code, int) else DONE
