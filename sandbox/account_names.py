"""Names an account without its credential."""

import hashlib


def intelligems_account(token: str) -> str:
    """Return the name that the witness uses for the account of this access token."""
    return f"intelligems-{hashlib.sha256(token.encode()).hexdigest()[:12]}"
