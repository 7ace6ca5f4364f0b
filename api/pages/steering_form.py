"""Reads the forms that steer exports: from where they are tried again, and how many there were to be."""

from api.pages.forms import Form
from api.problems import FieldError, invalid

_STARTS = ("start", "step")
_MOST_DIGITS = 9


def start_of(form: Form) -> str:
    """From the "step" that an export ended in, or from its "start". Raises ProblemError (422)."""
    start = form.text("from")
    if start not in _STARTS:
        raise invalid([FieldError(parameter="from", detail=f"choose one of {', '.join(_STARTS)}")])
    return start


def counted_in(form: Form) -> int:
    """How many exports somebody was told of before they sent the form; 0 where that is no number."""
    text = form.text("counted")
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0
