"""Keeps room among those who listen, so that no key shuts out all others."""

from http import HTTPStatus

from api.auth import Caller
from api.feed import Feed
from api.problems import ProblemError

_MOST = 500
_MOST_OF_A_KEY = 100
_RETRY_SECONDS = 5


def check_room(feed: Feed, caller: Caller) -> None:
    """Raise ProblemError where too many listen: 429 to a key that has its share, 503 where the process is full."""
    retry, every = {"retry-after": str(_RETRY_SECONDS)}, feed.listeners.total()
    if feed.listeners[caller.key_id] >= _MOST_OF_A_KEY:
        detail = f"the key {caller.name!r} has {_MOST_OF_A_KEY} streams open at this process; end some, or try again"
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=retry)
    if every >= _MOST or feed.closed:
        detail = f"{every} listen to this process already; end some streams, or try again"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry)
