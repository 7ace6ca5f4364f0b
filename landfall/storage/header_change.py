"""Compares the header of a CSV with an earlier one."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

_NAMES_SHOWN = 10
_LETTERS_SHOWN = 60


def header_hash(columns: Sequence[str]) -> str:
    """SHA-256 of the normalised names in their order, in hexadecimal; empty where there is no column."""
    return hashlib.sha256("\x1f".join(map(_normalised, columns)).encode()).hexdigest() if columns else ""


def changed_header(before: Sequence[str], after: Sequence[str]) -> str | None:
    """What is new, gone or in another place, in words; None where the headers are the same once normalised."""
    old, new = list(map(_normalised, before)), list(map(_normalised, after))
    added, gone = Counter(new) - Counter(old), Counter(old) - Counter(new)
    words = []
    if added:
        words.append(f"{_are(added.total(), 'column')} new: {_shown(added.elements())}")
    if gone:
        words.append(f"{_are(gone.total(), '' if words else 'column')} gone: {_shown(gone.elements())}")
    if _still_there(old, new) != _still_there(new, old):
        words.append("the order changed" if words else "the order of the columns changed")
    return "; ".join(words) or None


def _normalised(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _are(count: int, noun: str) -> str:
    return " ".join(filter(None, (str(count), noun + "s" * (bool(noun) and count != 1), "is" if count == 1 else "are")))


def _shown(names: Iterable[str]) -> str:
    every = [name if len(name) <= _LETTERS_SHOWN else f"{name[:_LETTERS_SHOWN]}…" for name in names]
    more = f" and {len(every) - _NAMES_SHOWN} more" if len(every) > _NAMES_SHOWN else ""
    return ", ".join(name or '""' for name in every[:_NAMES_SHOWN]) + more


def _still_there(names: Sequence[str], others: Sequence[str]) -> list[str]:
    left = Counter(names) & Counter(others)
    kept = []
    for name in names:
        if left[name]:
            left[name] -= 1
            kept.append(name)
    return kept
