"""Issues Buy with Prime access tokens to the clients whose secret is right."""

import secrets
from collections import defaultdict, deque

from sandbox.clock import now

_WINDOW_SECONDS = 10.0
_MOST_IN_WINDOW = 10


class AccessTokens:
    """The access tokens in force; a client asks for at most 10 in 10 seconds."""

    def __init__(self, seconds: float) -> None:
        """Let each token live ``seconds``."""
        self._seconds = seconds
        self._owners: dict[str, tuple[str, float]] = {}
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)

    @staticmethod
    def knows(client_id: str, client_secret: str) -> bool:
        """Tell whether the credentials are a sandbox client's."""
        return client_id.startswith("sandbox-") and client_secret == f"{client_id}-secret"

    def throttles(self, client_id: str) -> bool:
        """Note a token request, and tell whether it is one too many."""
        asked = self._asked[client_id]
        while asked and asked[0] <= now() - _WINDOW_SECONDS:
            asked.popleft()
        if len(asked) >= _MOST_IN_WINDOW:
            return True
        asked.append(now())
        return False

    def issue(self, client_id: str) -> str:
        """Return a new token of this client."""
        token = secrets.token_urlsafe(32)
        self._owners[token] = (client_id, now() + self._seconds)
        return token

    def client(self, token: str) -> str | None:
        """Return the client whose token this is, or None where it is unknown or past its life."""
        client_id, until = self._owners.get(token, (None, 0.0))
        if now() >= until:
            self._owners.pop(token, None)
            return None
        return client_id

    def forget(self, token: str) -> None:
        """End the token's life at once."""
        self._owners.pop(token, None)
