"""Cleans a vendor's words of secrets before they enter errors, rows and pages."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MAX_LENGTH = 500
MARK = "[removed]"

# Enough to fill MAX_LENGTH even when much is removed, and a bound on what the patterns have to look at.
_LONGEST_LOOKED_AT = 8192
_SHORTEST_SECRET = 4

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_KEY = (
    r"[\w-]{0,40}(?:token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key|authorization|credential|signature|assertion)"
    r"[\w-]{0,40}"
)
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(https?://)[^\s/@?#]{1,200}@", rf"\1{MARK}@"),
        (r"(https?://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", rf"\1?{MARK}"),
        (r"\b(x-(?:amz|goog)-[\w-]{1,40}|sig|awsaccesskeyid|googleaccessid)(=|%3D)[^\s&\"']+", rf"\1\2{MARK}"),
        (r"\b(bearer|basic)[\s:]+(?!\[removed\])[^\s,;\"']+", rf"\1 {MARK}"),
        (rf"\b({_KEY}\\?[\"']?\s?(?:[:=]|%3D)\s?)(?:\\?\"[^\"]*\"|'[^']*'|[^\s,;&\"'}}]+)", rf"\1{MARK}"),
        (r"\beyJ[\w-]+(?:\.[\w-]*){0,2}", MARK),
        (r"\bAtz[a-z]\|[^\s\"']+", MARK),
        (r"\b(?:AKIA|ASIA)[0-9A-Z]{8,}", MARK),
        (rf"(?<![\w+=-])(?!{_UUID}(?![\w+=-]))(?=[A-Za-z+_=-]*\d)[\w+=-]{{32,}}", MARK),
    )
)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text on one line, cut to 500 characters, without anything that looks like a credential.

    `secrets` are the account's own values; they go in whatever form they stand (plain, URL- or JSON-escaped).
    """
    own = _forms(secrets)
    text = _without(own, text)[: _LONGEST_LOOKED_AT + max(map(len, own), default=0)]
    text = _without(own, _one_line(text))
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
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
