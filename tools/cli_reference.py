"""Writes docs/reference/commands.md from what reads the commands' words: `python -m tools.cli_reference`."""

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from cli.commands import COMMANDS
from cli.parsing import parser_of
from tools.markdown import code, plain, table

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
_PROGRAMS = {"api": "api.__main__", "worker": "worker.__main__", "sandbox": "sandbox.main"}
_PROGRAMS |= {"migrate": "landfall.database.migrate"}
_HEAD = """\
# Every command and option

<!-- Written by `python -m tools.cli_reference` from the commands' own parsers. -->

What `landfall COMMAND --help` shows, on one page; each command takes `-h` or `--help` and, anywhere, `--debug`. [The command](cli.md) tells how they go together, and
what the exit codes mean.

"""


class _Parser(Exception):
    """Carries the parser of a program out of it, at the moment when it would read."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def commands_text() -> str:
    """The page, as the parsers have it."""
    contents = table(
        ("command", "what it is for"),
        ([f"[{name}](#landfall-{name})", entry.summary] for name, entry in COMMANDS.items()),
    )
    return _HEAD + contents + "".join(text for name in COMMANDS for text in _of_command(name))


def _of_command(name: str) -> Iterator[str]:
    entry = COMMANDS[name]
    if entry.module is None:
        yield from _of_program(name, entry.summary)
    else:
        yield from _of_parser(f"landfall {name}", parser_of(entry.load()))


def _of_parser(path: str, parser: Any) -> Iterator[str]:  # noqa: ANN401 - as parser_of has it
    inner: dict[str, Any] = getattr(parser, "commands", {})
    yield f"\n{'#' * len(path.split())} {path}\n\n{_paragraphs(parser.help)}"
    if inner:
        for name, each in inner.items():
            yield from _of_parser(f"{path} {name}", each)
        return
    shown = [each for each in parser.params if not getattr(each, "hidden", False)]
    rows = [_row(each) for each in shown]
    yield f"\n```text\n{_usage(path, shown)}\n```\n\n{table(('word', 'meaning'), rows)}"


def _paragraphs(text: str | None) -> str:
    return "".join(f"{plain(part)}\n\n" for part in (text or "").split("\n\n")).rstrip() + "\n"


def _usage(path: str, parameters: list[Any]) -> str:
    arguments = [_argument(each) for each in parameters if each.param_type_name == "argument"]
    return " ".join([path, *arguments, "[OPTION]..."])


def _argument(parameter: Any) -> str:  # noqa: ANN401 - as parser_of has it
    word = str(parameter.metavar or parameter.name.upper())
    return word if parameter.required or word.startswith("[") else f"[{word}]"


def _row(parameter: Any) -> list[str]:  # noqa: ANN401 - as parser_of has it
    if parameter.param_type_name == "argument":
        return [code(_argument(parameter)), plain(parameter.help or "")]
    names = ", ".join(code(name) for name in parameter.opts)
    value = "" if parameter.is_flag else f" {code(parameter.metavar or _choices(parameter))}"
    default = parameter.default
    told = (
        ""
        if parameter.is_flag or default in (None, ())
        else f" Default: {code(str(getattr(default, 'value', default)))}."
    )
    return [names + value, plain(parameter.help or "") + told]


def _choices(parameter: Any) -> str:  # noqa: ANN401 - as parser_of has it
    choices = getattr(parameter.type, "choices", ())
    return "|".join(str(getattr(each, "value", each)) for each in choices) or parameter.name.upper()


def _of_program(name: str, summary: str) -> Iterator[str]:
    yield f"\n## landfall {name}\n\n{plain(summary)}\n\n```text\nlandfall {name} [OPTION]...\n```\n\n"
    rows = [
        [", ".join(code(each) for each in action.option_strings) + _value(action), plain(_help(action))]
        for action in program(name)._actions  # noqa: SLF001 - argparse tells them nowhere else
        if action.dest != "help"
    ]
    yield table(("word", "meaning"), rows)


def program(name: str) -> argparse.ArgumentParser:
    """The parser of a program, which makes it only when it runs."""

    def found(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Parser(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", found):
        try:
            importlib.import_module(_PROGRAMS[name]).main()
        except _Parser as carried:
            return carried.parser
    raise AssertionError(name)


def _value(action: argparse.Action) -> str:
    return "" if action.nargs == 0 else f" {code(str(action.metavar or action.dest.upper()))}"


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")


if __name__ == "__main__":
    PAGE.write_text(commands_text(), encoding="utf-8")
