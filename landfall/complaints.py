"""Puts what pydantic found wrong into one sentence, without the value: it may be a secret."""

from collections.abc import Collection

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def first_complaint(error: ValidationError) -> str:
    """The first thing that pydantic found, as `field: what is wrong`."""
    found = _first(error)
    where = ".".join(str(part) for part in found["loc"])
    what = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        what = "there is no setting of this name; check the spelling"
    return f"{where}: {what}" if where else what


def complaint_in_table(
    table: str, schema: type[BaseModel], error: ValidationError, *, with_keys: Collection[str] = ()
) -> str:
    """The first thing wrong in a table of landfall.toml, as a sentence that names `table.setting` and the cure.

    Below a setting the location may hold the tags of a choice, so that it is left out but for those `with_keys`.
    """
    found = _first(error)
    setting, *below = map(str, found["loc"] or ("",))
    where = ".".join([table, setting, *(below if setting in with_keys else ())])
    match found["type"]:
        case "missing":
            return f"{where} is missing; add it."
        case "extra_forbidden" if setting not in schema.model_fields:
            return f"{where}: there is no such setting; known are {', '.join(schema.model_fields)}."
        case "extra_forbidden" | "model_type" | "model_attributes_type":
            return f'{where}: write it as {{ env = "NAME" }} or {{ file = "PATH" }}.'
        case _:
            text = found["msg"].removeprefix("Value error, ").rstrip(".")
            return f"{where}{': ' if setting else ''}{text}."


def _first(error: ValidationError) -> ErrorDetails:
    return error.errors(include_url=False, include_input=False, include_context=False)[0]
