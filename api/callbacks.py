"""Checks the callback_urls of submissions against what the settings allow."""

from collections.abc import Iterable

from api.acceptance import Asked
from api.problems import FieldError, invalid
from landfall.webhooks import Webhooks


def check_callbacks(placed: Iterable[tuple[str, Asked]], webhooks: Webhooks) -> None:
    """Raise ProblemError (422) where one cannot be called; `placed` says where in the body each submission stands."""
    errors: dict[str, FieldError] = {}
    for place, asked in placed:
        url = asked.submission.callback_url
        if url is not None and (fault := webhooks.fault_in_callback(url)):
            pointer = f"{place}/callback_url"
            errors.setdefault(pointer, FieldError(pointer=pointer, detail=fault))
    if errors:
        raise invalid(list(errors.values()))
