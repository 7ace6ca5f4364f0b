"""Knows what secrets look like, by their names and by their shapes, and takes them out of text."""

import re
from functools import lru_cache

MARK = "[removed]"

_WORDS = r"token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key|authorization|credential|signature|assertion|cookie"
_NAMED = rf"[\w-]{{0,40}}(?:{_WORDS})[\w-]{{0,40}}"
_CHATS = r"(?:[\w-]+\.)?discord(?:app)?\.com/api/webhooks|[\w-]+\.webhook\.office\.com"
_IS_SECRET = re.compile(_WORDS, re.IGNORECASE)
_SHAPES = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(\w{2,20}://)[^\s/@?#\"'<>]{1,200}@", rf"\1{MARK}@"),
        (r"(https?://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", rf"\1?{MARK}"),
        # The path of such an address is what lets in whoever knows it.
        (rf"(https?://(?:hooks\.[^\s/]+|{_CHATS})/)(?!{re.escape(MARK)})[^\s\"'<>]+", rf"\1{MARK}"),
        (r"\b(x-(?:amz|goog)-[\w-]{1,40}|sig|awsaccesskeyid|googleaccessid)(=|%3D)[^\s&\"']+", rf"\1\2{MARK}"),
        (rf"\b(bearer|basic)[\s:]+(?!{re.escape(MARK)})[^\s,;\"']+", rf"\1 {MARK}"),
        # Landfall's own: an API key, of which the first letters name it; the secret of a webhook.
        (r"\b(lf_[A-Za-z0-9]{8}_)[\w-]{16,}", rf"\1{MARK}"),
        (r"\bwhsec_[\w+/=-]+", f"whsec_{MARK}"),
        (rf"\b({_NAMED}\\?[\"']?\s?(?:[:=]|%3D)\s?)(?:\\?\"[^\"]*\"|'[^']*'|[^\s,;&\"'}}]+)", rf"\1{MARK}"),
        (r"\b(?-i:eyJ)[\w-]+(?:\.[\w-]*){0,2}", MARK),
        (r"\bAtz[a-z]\|[^\s\"']+", MARK),
        (r"\b(?-i:(?:AKIA|ASIA)[0-9A-Z]{8,})", MARK),
    )
)
# No shape matches where none of these stands: most lines of a log need no closer look. All in lower case.
_HINTS = (
    *("://", "bearer", "basic", "x-amz-", "x-goog-", "sig=", "sig%3d", "accesskeyid", "accessid"),
    *("lf_", "whsec_", "eyj", "atz", "akia", "asia"),
    *("token", "secret", "passw", "api", "access", "authorization", "credential", "signature", "assertion", "cookie"),
)


def redact(text: str) -> str:
    """The text without tokens, keys, passwords in URLs and the queries of URLs (they may be signed)."""
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
    return text


@lru_cache(maxsize=512)
def names_a_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _IS_SECRET.search(name) is not None
