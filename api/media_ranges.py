"""Reads from `Accept` which forms of an answer a client takes, and which it likes best (RFC 9110, 12.5.1)."""

import re

from starlette.datastructures import Headers

_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class Accepted:
    """What one request accepts."""

    def __init__(self, headers: Headers) -> None:
        """Read the fields of a request."""
        self._ranges: dict[str, float] = {}
        for each in ",".join(headers.getlist("accept")).split(","):
            name, *parameters = (part.strip().lower() for part in each.split(";"))
            if name:
                self._ranges[name] = max(self._ranges.get(name, 0.0), _quality(parameters))

    def named(self, kind: str) -> float:
        """How much the kind is liked, from 0 to 1, by its own name alone."""
        return self._ranges.get(kind, 0.0)

    def liking(self, kind: str) -> float:
        """The same by the closest range that it is of; whoever names none takes anything."""
        ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
        return next((self._ranges[each] for each in ranges if each in self._ranges), 0.0 if self._ranges else 1.0)


def _quality(parameters: list[str]) -> float:
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip() == "q" and _QUALITY.fullmatch(value.strip()):
            return float(value)
    return 1.0
