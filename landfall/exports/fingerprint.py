"""Names a request by its content, so that the same one is known again however it was written."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(request: Mapping[str, Any]) -> str:
    """The SHA-256, in hexadecimal, of the request as canonical JSON: the order of its keys does not matter."""
    canonical = json.dumps(dict(request), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
