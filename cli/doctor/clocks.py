"""Compares this machine's clock with those of the vendors and of the store."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from cli.doctor.finding import Finding, Installation, error, ok, warning
from landfall.net.server_clock import seconds_ahead
from landfall.storage.bucket import S3_ENDPOINTS

_PATIENCE_SECONDS = 4.0
_NOTABLE_SECONDS = 10.0
# Amazon refuses what is signed with a clock that is off by fifteen minutes.
_FATAL_SECONDS = 600.0
_CURE = "set this machine's clock by NTP (chrony, systemd-timesyncd)"


def look_at_clocks(installation: Installation) -> Iterator[Finding]:
    """By the Date header of whoever is asked anyway."""
    urls = list(_urls(installation))
    if not urls:
        return
    with ThreadPoolExecutor(len(urls)) as threads:
        yield from (finding for finding in threads.map(_clock, urls) if finding)


def _urls(installation: Installation) -> Iterator[str]:
    """Each server once."""
    asked = [] if installation.offline else [account.base_url for account in installation.accounts.values()]
    if installation.settings.storage_url.startswith("s3:"):
        asked.append(next(filter(None, map(os.environ.get, S3_ENDPOINTS)), "https://s3.amazonaws.com"))
    yield from {urlsplit(url).netloc: url for url in asked}.values()


def _clock(url: str) -> Finding | None:
    """Nothing where the server does not answer: that is another check's finding."""
    host = urlsplit(url).hostname or ""
    check = "clock"
    try:
        ahead = seconds_ahead(url, patience=_PATIENCE_SECONDS)
    except (OSError, UnicodeError):
        return None
    if ahead is None:
        return ok(check, f"{host} does not say what time it is")
    if abs(ahead) < _NOTABLE_SECONDS:
        return ok(check, f"agrees with that of {host}")
    found = f"this machine's is {abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} that of {host}"
    return (error if abs(ahead) >= _FATAL_SECONDS else warning)(check, found, _CURE)
