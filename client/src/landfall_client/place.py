"""Knows where the API is, and puts into words that it is not there."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from landfall_client.errors import NoAnswer, NotLandfall, Unreachable, WrongSettings

DEFAULT_URL = "http://127.0.0.1:8700"
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Place:
    """The API's address and key, how long to be patient with it (seconds), and how its user names the first two."""

    url: str
    key: str = field(default="", repr=False)
    timeout: float = 30.0
    patience: float = 10.0
    patience_waiting: float = 120.0
    naming_url: str = "url= or LANDFALL_URL"
    naming_key: str = "give key=, or set LANDFALL_API_KEY or LANDFALL_API_KEY_FILE"

    @property
    def parts(self) -> SplitResult:
        """The address in parts."""
        return urlsplit(self.url)

    @property
    def site(self) -> str:
        """The address without a path."""
        return site_of(self.url)

    def waiting(self, *, at_most: float | None = None) -> "Place":
        """The same place for someone who waits for an export anyhow."""
        patience = max(self.patience, self.patience_waiting)
        return replace(self, patience=patience if at_most is None else min(patience, at_most))

    def unreachable(self, fault: NoAnswer) -> Unreachable:
        """What to tell whoever waited for an answer."""
        if fault.why == NoAnswer.LATE:
            within = f"gave no answer within {self.timeout:g} s"
            return Unreachable(f"what listens at {self.url} {within}; look at the log of `landfall up`.")
        if fault.why == NoAnswer.UNTRUSTED:
            return Unreachable(
                f"the certificate of {self.url} is not trusted; name that of who has signed it in SSL_CERT_FILE."
            )
        if fault.why == NoAnswer.BROKE:
            return Unreachable(f"the connection to {self.url} broke; try again.")
        return Unreachable(
            f"no Landfall answers at {self.url}: start it with `landfall up` or name it with {self.naming_url}."
        )

    def not_landfall(self, status: int | None = None, leads_to: str = "") -> NotLandfall:
        """What to tell whoever asked somebody else, or one who redirects to another site."""
        if leads_to:
            return NotLandfall(f"{self.url} redirects to {leads_to}; name that address with {self.naming_url}.")
        told = f" (HTTP {status})" if status else ""
        return NotLandfall(
            f"what answers at {self.url} is not Landfall{told}; name the right address with {self.naming_url}."
        )


def checked_url(url: str) -> str:
    """The address, if it is one. Raises WrongSettings."""
    try:
        parts = urlsplit(url)
        fits = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        fits, parts = False, urlsplit("")
    if "@" in url:
        raise WrongSettings("url: leave out what stands before the @; Landfall takes an API key.")
    if not fits or parts.query or parts.fragment or not _KEY.fullmatch(url):
        raise WrongSettings(f"url: {url.partition('?')[0]} is no address; write it as http://host:port.")
    return url.rstrip("/")


def known_url() -> str:
    """The address of the environment."""
    return os.environ.get("LANDFALL_URL") or DEFAULT_URL


def known_key() -> str:
    """The key of the environment, empty where there is none. Raises WrongSettings."""
    if given := os.environ.get("LANDFALL_API_KEY", "").strip():
        return checked_key(given, "LANDFALL_API_KEY")
    if path := os.environ.get("LANDFALL_API_KEY_FILE"):
        return _key_of(Path(path).expanduser())
    return ""


def checked_key(key: str, name: str) -> str:
    """The key, if it may be one. Raises WrongSettings, which does not repeat it."""
    if key and not _KEY.fullmatch(key):
        raise WrongSettings(f"{name} holds no API key; write one as `landfall keys create` shows it, lf_….")
    return key


def site_of(url: str) -> str:
    """Scheme, host and port: all of an address that an error may tell."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _key_of(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not _KEY.fullmatch(key):
        raise WrongSettings(f"the key file {path} is empty, missing or cannot be read; write an API key into it.")
    return key


def found_place(url: str | None, key: str | None, *, timeout: float, patience: float) -> Place:
    """The place that is given, or that the environment tells. Raises WrongSettings."""
    found = known_key() if key is None else checked_key(key, "key")
    return Place(checked_url(url or known_url()), found, timeout, patience)
