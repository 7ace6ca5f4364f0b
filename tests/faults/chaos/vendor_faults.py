"""Names what the vendors do wrong during the chaos: all of it can be survived."""

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.faults.chaos.accounts import Account
from tests.vendors.sandbox_process import Sandbox

_Kind = tuple[str, Mapping[str, Any]]

_BOTH: tuple[_Kind, ...] = (
    ("server_error", {"operation": "start", "status": 503}),
    ("rate_limited", {"operation": "start", "seconds": 0.5}),
    ("lost_answer", {"operation": "start"}),
    ("garbage_answer", {"operation": "start"}),
    ("slow_answer", {"operation": "start", "seconds": 3}),
    ("report_failed", {}),
    ("server_error", {"operation": "download", "status": 500}),
    ("download_dropped", {}),
    ("download_truncated", {}),
    ("link_expired", {}),
    ("html_page", {}),
    ("slow_body", {"after_bytes": 19_000, "seconds": 0.05}),
    ("odd_body", {"body": "gzip_cut"}),
    ("odd_body", {"body": "unframed"}),
)
_BUY_WITH_PRIME: tuple[_Kind, ...] = (
    ("throttle", {"count": 2}),
    ("running", {"count": 2}),
    ("unknown_status", {}),
    ("token_error", {}),
    *(
        (name, {"operation": step})
        for name in ("internal_error", "lost_answer", "garbage_answer")
        for step in ("poll", "link")
    ),
    ("server_error", {"operation": "poll", "status": 502, "count": 3}),
    ("slow_answer", {"operation": "link", "seconds": 3}),
    ("report_gone", {"operation": "link"}),
)
_INTELLIGEMS: tuple[_Kind, ...] = (("null_url", {"count": 2}),)


def misbehave(sandbox: Sandbox, account: Account, rng: Random) -> str:
    """Let the vendor do one thing wrong to the account, soon; returns what."""
    name, how = rng.choice(_BOTH + (_BUY_WITH_PRIME if account.of_buy_with_prime else _INTELLIGEMS))
    sandbox.fault(name, account=account.witness, vendor=account.vendor, **how)
    return name
