"""Reads from which page of ours a browser says that it comes."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def page_before(headers: Headers) -> str | None:
    """The page's path and query; None where it is another site's, or nobody says."""
    try:
        before = urlsplit(headers.get("referer", ""))
    except ValueError:  # no browser writes such a one
        return None
    # Where two slashes begin it, a browser reads a path as another host.
    if before.netloc != headers.get("host") or before.path.startswith("//"):
        return None
    return before.path + (f"?{before.query}" if before.query else "")
