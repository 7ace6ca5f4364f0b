"""Cleans a vendor's words of secrets before they enter errors, rows and pages."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from landfall.redaction import MARK, redact

MAX_LENGTH = 500

# Enough to fill MAX_LENGTH even when much is removed, and a bound on what the patterns have to look at.
_LONGEST_LOOKED_AT = 8192
_SHORTEST_SECRET = 4

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
# What has the length and the letters of a secret, whatever it is: in a vendor's words nothing of ours is lost by it.
_RANDOM = re.compile(rf"(?<![\w+=-])(?!{_UUID}(?![\w+=-]))(?=[A-Za-z+_=-]*\d)[\w+=-]{{32,}}")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text on one line, cut to 500 characters, without anything that looks like a credential.

    `secrets` are the account's own values; they go in whatever form they stand (plain, URL- or JSON-escaped).
    """
    own = _forms(secrets)
    text = _without(own, text)[: _LONGEST_LOOKED_AT + max(map(len, own), default=0)]
    text = _without(own, _one_line(text))
    text = _RANDOM.sub(MARK, redact(text))
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _forms(secrets: Iterable[str]) -> list[str]:
    forms = {
        form
        for secret in secrets
        for form in (secret, _one_line(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
        if len(form) >= _SHORTEST_SECRET
    }
    return sorted(forms, key=len, reverse=True)


def _without(forms: Iterable[str], text: str) -> str:
    for form in forms:
        text = re.sub(re.escape(form), MARK, text, flags=re.IGNORECASE)
    return text
