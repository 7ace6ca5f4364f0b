"""Reads a subcommand's words by its function's annotations, with typer."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from cli.failures import DONE, WrongInputError
from cli.output import writing
from cli.wrong_words import complaint

_HELP = ("-h", "--help")


def _some_id(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("it is empty; `landfall list` shows the ids")
    return text


Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Address of the API; default: $LANDFALL_URL, the running `landfall up`, the settings."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File with the API key; default: $LANDFALL_API_KEY, $LANDFALL_API_KEY_FILE, <home>/api-key for the local API.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; what the API answers, exactly as it came.")]
Cursor = Annotated[
    str | None, typer.Option(metavar="NEXT", help="Go on behind another page: its `next`, with the same filters.")
]
ExportId = Annotated[str, typer.Argument(metavar="ID", help="The export's id.", callback=_some_id)]


def group(commands: Mapping[str, Callable[..., Any]], about: str) -> typer.Typer:
    """Commands that share a first word, by their second one."""
    application = _application(about)
    for name, function in commands.items():
        application.command(name)(function)
    return application


def parser_of(function: Callable[..., Any], epilog: str = "") -> Any:  # noqa: ANN401 - typer keeps the name of the type to itself
    """What reads the words of the function, or of the group: its options, arguments and help."""
    if isinstance(function, typer.Typer):
        return get_command(function)
    application = _application()
    application.command(epilog=epilog)(function)
    return get_command(application)


def run(function: Callable[..., Any], name: str, arguments: list[str], epilog: str) -> int:
    """Call the function, or that of the group, with the words. Raises WrongInputError for words that do not fit it."""
    try:
        with writing() if set(_HELP) & set(arguments) else nullcontext():
            code = parser_of(function, epilog).main(arguments, standalone_mode=False, prog_name=f"landfall {name}")
    except typer.TyperException as error:
        raise WrongInputError(f"{complaint(error)}; see `landfall {name} --help`.") from None
    return code if isinstance(code, int) else DONE


def _application(about: str | None = None) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": list(_HELP)},
        help=about,
    )
