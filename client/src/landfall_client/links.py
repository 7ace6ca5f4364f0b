"""Follows the API's redirect to the object store; nothing that it says repeats the link, whose query is a key to the file."""

import contextlib
import re
from urllib.parse import urljoin, urlsplit

from landfall_client.effects import Request
from landfall_client.errors import NotLandfall
from landfall_client.place import site_of

_HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TARGET = re.compile(r"[\x21-\x7e]+")


def is_redirect(status: int) -> bool:
    """Whether the file is elsewhere."""
    return status in _REDIRECTS


def behind(source: str, location: str, hops: int) -> str:
    """Find where the redirect of `source` leads. Raises NotLandfall where that is not followed."""
    with contextlib.suppress(ValueError):
        target = urljoin(source, location)
        parts = urlsplit(target)
        downgraded = urlsplit(source).scheme == "https" and parts.scheme != "https"
        if hops <= _HOPS and location and parts.hostname and parts.scheme in {"http", "https"} and not downgraded:
            return target
    raise NotLandfall(f"{site_of(source)} redirects to where nobody may follow; check LANDFALL_STORAGE_URL of the API.")


def link_request(link: str, wanted: dict[str, str]) -> Request:
    """What to ask the store: it knows the file by an ETag of its own, and no other header of ours is its business.

    Raises NotLandfall.
    """
    parts = urlsplit(link)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.suppress(ValueError):
        if parts.port != 0 and _TARGET.fullmatch(target):
            return Request("GET", target, {"Accept-Encoding": "identity"} | wanted, site=site_of(link))
    raise NotLandfall(f"the link to the file at {site_of(link)} is no address; look at the API's log.")
