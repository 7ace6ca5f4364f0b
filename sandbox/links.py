"""Signs download URLs in the manner of presigned S3 URLs and judges them when they come back."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from sandbox.clock import now

_DATE = "%Y%m%dT%H%M%SZ"


class Links:
    """The signer of one sandbox; its secret dies with it."""

    def __init__(self, session_token: str) -> None:
        """Draw the secret; a session token, if there is one, stands in every link."""
        self._secret = secrets.token_bytes(32)
        self._session = {"X-Amz-Security-Token": session_token} if session_token else {}

    def url(self, base_url: str, key: str, seconds: float) -> str:
        """Return a URL below ``base_url`` for the file of this key that works for ``seconds``."""
        moment = now()
        # The date has whole seconds only: the fraction goes into the expiry, so that short lives stay exact.
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Expires": f"{seconds + moment % 1:.3f}",
            "X-Amz-Date": datetime.fromtimestamp(moment, UTC).strftime(_DATE),
            **self._session,
        }
        query["X-Amz-Signature"] = self._signature(key, query)
        return f"{base_url}/files/{key}.csv?{urlencode(query)}"

    def refusal(self, key: str, query: Mapping[str, str]) -> tuple[str, str] | None:
        """Return S3's code and message where the URL must not be honoured, else None."""
        if not hmac.compare_digest(self._signature(key, query).encode(), query.get("X-Amz-Signature", "").encode()):
            return "SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided."
        signed = datetime.strptime(query["X-Amz-Date"], _DATE).replace(tzinfo=UTC).timestamp()
        if now() >= signed + float(query["X-Amz-Expires"]):
            return "AccessDenied", "Request has expired"
        return None

    def _signature(self, key: str, query: Mapping[str, str]) -> str:
        signed = (key, *(query.get(f"X-Amz-{part}", "") for part in ("Algorithm", "Expires", "Date")))
        return hmac.new(self._secret, "\n".join(signed).encode(), hashlib.sha256).hexdigest()
