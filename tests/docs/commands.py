"""Finds the landfall command lines in the documentation, and asks the command's own parser what it thinks of them."""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import typer

from cli.commands import COMMANDS
from cli.parsing import parser_of
from cli.wrong_words import complaint

_COMMENT = re.compile(r"(^|\s)#[^'\"\n]*$", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_ASSIGNMENT = re.compile(r"\w+=")
_ANYWHERE = {"--help", "--debug", "--version", "-h"}
_SEPARATORS = ";|&()<>\n`"


def lines_in(script: str) -> Iterator[list[str]]:
    """The words behind each `landfall` of a shell script; other programs may run it: `docker compose run landfall …`."""
    for words in _commands(script):
        place = next((at for at, word in enumerate(words) if word == "landfall"), None)
        if place is not None:
            rest = words[place + 1 :]
            first = all(_ASSIGNMENT.match(word) for word in words[:place])
            if rest and (first or rest[0] in COMMANDS):
                yield rest


def fault_in(words: Sequence[str]) -> str | None:
    """What the command's parser has against these words; None where it takes them."""
    name, *arguments = (word for word in words if word != "--debug")
    entry = COMMANDS.get(name)
    if entry is None:
        return None if name in _ANYWHERE else f"there is no command {name}"
    if entry.module is None:
        wrong = [word for word in arguments if _OPTION.match(word) and word not in _options(name)]
        return f"{name} has no {wrong[0]}" if wrong else None
    command = parser_of(entry.load(), "")
    if hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        if name not in command.commands:
            return f"there is no {' '.join(words[:2])}"
        command = command.commands[name]
    try:
        command.make_context(name, list(arguments))
    except typer.TyperException as error:
        return complaint(error)
    except typer.Exit:
        return None
    return None


def fault_in_span(span: str) -> str | None:
    """What is wrong with a command that running text names: `landfall keys create NAME [--scope read]`."""
    words = span.split()
    if words[0] != "landfall" or len(words) == 1:
        return None
    name = next((word for word in words[1:] if word != "--debug"), "")
    if name in _ANYWHERE or name in {"COMMAND", "…"}:
        return None
    if name not in COMMANDS:
        return f"there is no command {name}"
    wrong = [option for option in _OPTION.findall(span) if option not in _options(name)]
    return f"{name} has no {wrong[0]}" if wrong else None


@cache
def _options(name: str) -> frozenset[str]:
    """The options of a command and of those below it."""
    entry = COMMANDS[name]
    if entry.module is None:
        return frozenset(entry.options) | _ANYWHERE
    command = parser_of(entry.load(), "")
    every = [command, *getattr(command, "commands", {}).values()]
    return (
        frozenset(option for each in every for parameter in each.params for option in _spelled(parameter)) | _ANYWHERE
    )


def _spelled(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


def _commands(script: str) -> Iterator[list[str]]:
    plain = _COMMENT.sub(r"\1", script.replace("\\\n", " "))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    lexer.commenters = ""
    words = iter(lexer)
    while True:
        command: list[str] = []
        ended = True
        for word in words:
            ended = False
            if set(word) <= set(_SEPARATORS):
                if set(word) <= set("<>"):
                    next(words, None)
                    continue
                break
            command.append(word)
        if command:
            yield command
        if ended:
            return
