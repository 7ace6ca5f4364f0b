"""Reads FIELD=VALUE and FIELD:=JSON words as the fields of a request."""

import json
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli.failures import WrongInputError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def read_fields(words: Iterable[str]) -> dict[str, Any]:
    """Read each word; `a=1` is the text "1", `a:=1` the number. Raises WrongInputError naming the word."""
    fields: dict[str, Any] = {}
    for word in words:
        name, value = _field(word)
        if name in fields:
            raise WrongInputError(f"{name}: it is given twice; give it once.")
        fields[name] = value
    return fields


def read_labels(words: Iterable[str]) -> dict[str, str]:
    """Read K=V words. Raises WrongInputError naming the word."""
    labels: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise WrongInputError(f"label: {word!r} is no label; write it as KEY=VALUE.")
        labels[key] = value
    return labels


def read_request(text: str | None) -> dict[str, Any]:
    """Read a whole request, a JSON object or @FILE (@- for standard input). Raises WrongInputError."""
    if text is None:
        return {}
    found = _json("request", _content(text.removeprefix("@")) if text.startswith("@") else text)
    if not isinstance(found, dict):
        raise WrongInputError('request: it must be a JSON object, for example {"start": "2026-01-01"}.')
    return found


def write_fields(request: dict[str, Any]) -> str:
    """Write a request as the words that `read_fields` reads."""
    words = (
        f"{name}={value}" if isinstance(value, str) else f"{name}:={json.dumps(value, ensure_ascii=False)}"
        for name, value in request.items()
    )
    return " ".join(shlex.quote(word) for word in words)


def _field(word: str) -> tuple[str, Any]:
    name, sign, value = word.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":")
    if not sign or not _NAME.fullmatch(name):
        raise WrongInputError(f"{word!r} is no field; write it as FIELD=VALUE, or FIELD:=JSON for what is not text.")
    return name, _json(name, value) if is_json else value


def _json(name: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongInputError(f"{name}: it is not valid JSON ({error}).") from None


def _content(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise WrongInputError(f"request: {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise WrongInputError(f"request: {path} is not UTF-8 text.") from None
