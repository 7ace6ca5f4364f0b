"""Compares this machine's clock with that of a web server."""

import http.client
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from landfall.net.carrier import HEADERS, tls


def seconds_ahead(url: str, *, patience: float) -> float | None:
    """How far the server's clock is ahead of ours, in seconds, none where they agree as far as its Date header can tell.

    None where the server names no time. Raises OSError where it does not answer within `patience` seconds.
    """
    asked_at = time.time()
    date = _date(url, patience)
    answered_at = time.time()
    try:
        # Cut to the second: the server's time lies between it and the next one.
        told = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
    if told > answered_at:
        return told - answered_at
    return min(0.0, told + 1 - asked_at)


def _date(url: str, patience: float) -> str | None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=patience, context=tls()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("HEAD", parts.path or "/", headers=HEADERS)
        return connection.getresponse().getheader("date")
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from None
    finally:
        connection.close()
