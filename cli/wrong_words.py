"""Says in one sentence what is wrong with the words that were typed."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

import typer
from typer._click.exceptions import BadParameter, MissingParameter, NoSuchOption, UsageError

_NEGATIVE = re.compile(r"-[0-9]")
_EXTRA = re.compile(r"Got unexpected extra argument(?:\(s\)|s)? \((.*)\)")
_NO_NUMBER = re.compile(r"'(.*)' is not a valid int(?:eger)?(?: range)?")
_BETWEEN = re.compile(r"([0-9]+)<=x<=([0-9]+)")
_OUTSIDE = re.compile(r"(.*) is not in the range (.*)")
_NO_VALUE = re.compile(r"Option '(.*)' requires an argument")


def complaint(error: typer.TyperException) -> str:
    """What is wrong and what is known instead, without a full stop."""
    if isinstance(error, NoSuchOption):
        return _no_such_option(error)
    if isinstance(error, MissingParameter):
        return f"{_name(error.param)} is missing"
    if isinstance(error, BadParameter):
        return f"{_name(error.param)}: {_bad_value(error)}"
    return _misuse(error) if isinstance(error, UsageError) else error.format_message().rstrip(".")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was likely meant, as a question to be put behind the wrong one; nothing where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _no_such_option(error: NoSuchOption) -> str:
    if _NEGATIVE.match(error.option_name):
        return f"there is no option {error.option_name}; a negative number goes behind --"
    known = [option for parameter in error.cmd.params for option in parameter.opts] if error.cmd else []
    return f"there is no option {error.option_name}{nearest(error.option_name, known)}"


def _bad_value(error: BadParameter) -> str:
    choices = getattr(getattr(error.param, "type", None), "choices", None)
    text = error.message.rstrip(".")
    if not choices:
        text = _NO_NUMBER.sub(r"'\1' is no whole number", text)
        return _BETWEEN.sub(r"\1 to \2", _OUTSIDE.sub(r"\1 is not within \2", text)).replace("x>=0", "0 and more")
    known = [str(getattr(choice, "value", choice)) for choice in choices]
    word = text.split("'")[1] if "'" in text else ""
    return f"{word!r}{nearest(word, known)} is none of {', '.join(known)}"


def _misuse(error: UsageError) -> str:
    """What has no parameter to be named: words too many, or a second word of a group that is missing or unknown."""
    commands: dict[str, Any] = getattr(error.cmd, "commands", {})
    text = error.format_message().rstrip(".")
    if extra := _EXTRA.match(text):
        return f"{extra[1]!r} is too much"
    if lacking := _NO_VALUE.match(text):
        return f"{lacking[1]} lacks its value"
    if not commands:
        return text
    word = text.split("'")[1] if "'" in text else ""
    wrong = f"there is no command {word!r}{nearest(word, commands)}" if word else "a word is missing"
    return f"{wrong}; say one of {', '.join(commands)}"


def _name(parameter: Any) -> str:  # noqa: ANN401 - typer keeps the name of the type to itself
    """A parameter as its help has it."""
    if parameter is None:
        return "a word"
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str((parameter.metavar or parameter.name.upper()).strip("[].…"))
