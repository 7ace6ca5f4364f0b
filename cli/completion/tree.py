"""Tells which words a shell may complete, from what reads them: the same that --help shows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cli.commands import COMMANDS, Entry
from cli.parsing import parser_of

_HELP = ("-h", "--help")


class Kind(Enum):
    """What stands in a place."""

    NOTHING = "nothing"
    TEXT = "text"
    CHOICE = "choice"
    ACCOUNT = "account"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its names, what it is for, and what its value may be."""

    names: Sequence[str]
    about: str
    kind: Kind = Kind.NOTHING
    choices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A command: its words, what it is for, the words that may follow, its options, and what its first argument is."""

    path: str
    about: str
    words: Sequence[str] = ()
    options: Sequence[Option] = ()
    argument: Kind = Kind.TEXT
    choices: Sequence[str] = ()


def nodes() -> list[Node]:
    """Every command, each group before its own. Imports them all."""
    return [node for name, entry in COMMANDS.items() for node in _of_entry(name, entry)]


def _of_entry(name: str, entry: Entry) -> Iterator[Node]:
    if entry.module is None:
        about = "Show the help." if name else ""
        yield Node(name, entry.summary, options=[Option([each], "") for each in entry.options] + [Option(_HELP, about)])
        return
    yield from _of_parser(name, entry.summary, parser_of(entry.load()))


def _of_parser(path: str, about: str, parser: Any) -> Iterator[Node]:  # noqa: ANN401 - as parser_of has it
    inner: dict[str, Any] = getattr(parser, "commands", {})
    found = [each for each in parser.params if not getattr(each, "hidden", False)]
    arguments = [each for each in found if each.param_type_name == "argument"]
    kind, choices = _values(arguments[0]) if arguments else (Kind.NOTHING, ())
    options = [_option(each) for each in found if each.param_type_name == "option"]
    yield Node(path, about, list(inner), [*options, Option(_HELP, "Show the help.")], kind, choices)
    for name, each in inner.items():
        yield from _of_parser(f"{path} {name}", _first_sentence(each.help), each)


def _option(parameter: Any) -> Option:  # noqa: ANN401 - as parser_of has it
    kind, choices = (Kind.NOTHING, ()) if parameter.is_flag else _values(parameter)
    return Option(parameter.opts, _first_sentence(parameter.help), kind, choices)


def _values(parameter: Any) -> tuple[Kind, Sequence[str]]:  # noqa: ANN401 - as parser_of has it
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return Kind.CHOICE, [str(getattr(each, "value", each)) for each in choices]
    if parameter.name == "account":
        return Kind.ACCOUNT, ()
    metavar = parameter.metavar or ""
    is_file = any(word in metavar for word in ("FILE", "PATH", "FOLDER"))
    return (Kind.FILE if is_file else Kind.TEXT), ()


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).split(". ")[0].rstrip(".")


def filled(script: str, **lines: Iterable[str]) -> str:
    """The script with each @NAME@ in it replaced by the lines of that name."""
    for name, given in lines.items():
        script = script.replace(f"@{name}@", "\n".join(given))
    return script
