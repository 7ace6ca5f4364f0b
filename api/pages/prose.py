"""Sets sentences that were written for the command line and the log as a page has them."""

import re

from markupsafe import Markup, escape

_MARKED = re.compile(r"`(?P<code>[^`]+)`|\b(?P<export>exp_[0-9a-f]{32})\b")
_SHOWN = 8


def prose(text: str) -> Markup:
    """The text with its `code` set as such, and each export that it names as a link."""
    parts: list[Markup] = []
    end = 0
    for found in _MARKED.finditer(text):
        parts += [escape(text[end : found.start()]), _set(found)]
        end = found.end()
    return Markup().join([*parts, escape(text[end:])])


def _set(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    return Markup('<a href="/exports/{0}" title="{0}" class="nowrap"><code>…{1}</code></a>').format(
        found["export"], found["export"][-_SHOWN:]
    )
