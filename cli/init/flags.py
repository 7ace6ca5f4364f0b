"""Reads an account from the command line's flags, of which each vendor's schema brings its own."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from cli.failures import WrongInputError
from cli.init.draft import Value
from cli.init.values import as_text, in_file, in_variable
from cli.init.vendor_fields import VendorField, every_field

Given = Mapping[str, str | None]


def with_credential_flags(function: Callable[..., int]) -> Callable[..., int]:
    """Give the function, in place of its `**given`, a flag for every way to give each vendor's fields."""
    signature = inspect.signature(function)
    kept = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    added = [parameter for field in every_field() for parameter in _parameters(field)]
    function.__signature__ = signature.replace(parameters=kept + added)  # type: ignore[attr-defined] # PEP 362 has it
    return function


def given_value(field: VendorField, given: Given) -> Value | None:
    """What the flags say of a field, None where they are silent. Raises WrongInputError."""
    ways = {
        f"{field.name}{suffix}": given[f"{field.name}{suffix}"]
        for suffix in ("", "_env", "_file")
        if given.get(f"{field.name}{suffix}") is not None
    }
    if len(ways) > 1:
        raise WrongInputError(f"{field.name}: it is given in {len(ways)} ways; give one of them.")
    for way, text in ways.items():
        return _read(field, way.removeprefix(field.name), text or "")
    return None


def flags_of(field: VendorField) -> str:
    """How the field is given on the command line, in words."""
    secret = [f"{field.flag}-env NAME", f"{field.flag}-file FILE"] if field.may_be_secret else []
    return " or ".join([*([f"{field.flag} TEXT"] if field.may_be_text else []), *secret])


def _read(field: VendorField, way: str, text: str) -> Value:
    match way:
        case "_env":
            return in_variable(f"{field.flag}-env", text)
        case "_file":
            return in_file(f"{field.flag}-file", text)
        case _ if field.may_be_text:
            return as_text(field, text)
        case _:
            raise WrongInputError(
                f"{field.flag}: a secret on the command line stays in the shell's history; give {flags_of(field)}."
            )


def _parameters(field: VendorField) -> Iterator[inspect.Parameter]:
    text = f"The account's {field.name}." if field.may_be_text else "Refused: it would stay in the shell's history."
    yield _parameter(field.name, typer.Option(metavar="TEXT", help=text, hidden=not field.may_be_text))
    if field.may_be_secret:
        yield _parameter(
            f"{field.name}_env", typer.Option(metavar="NAME", help=f"Environment variable that holds {field.name}.")
        )
        yield _parameter(f"{field.name}_file", typer.Option(metavar="FILE", help=f"File that holds {field.name}."))


def _parameter(name: str, option: Any) -> inspect.Parameter:  # noqa: ANN401 - typer's own type for it
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )
