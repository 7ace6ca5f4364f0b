"""Gives the cases of a row accounts of their own, so that each fault meets the export that it is for, and counts them."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.faults.figures import Figures
from tests.faults.promise import assert_kept
from tests.faults.row import Row

# What lays a row out rather than breaks something.
_NO_FAULT = {"body_size", "never_finishes", "chunked_body"}


def accounts_of(names: Iterable[str], more: str = "") -> dict[str, Any]:
    """What a row's mark takes for an account of Buy with Prime for each name, each with `more` lines of TOML."""
    names = list(names)
    return {
        "accounts": "".join(_table(name, more) for name in names),
        "settings": {_variable(name): f"{client_of(name)}-secret" for name in names},
    }


def _table(name: str, more: str) -> str:
    return f"""
[accounts.{name}]
vendor = "buy_with_prime"
client_id = "{client_of(name)}"
client_secret = {{ env = "{_variable(name)}" }}
target_id = "target"
base_url = "$buy_with_prime"
{more}
"""


def client_of(name: str) -> str:
    """The account as the sandbox knows it."""
    return f"sandbox-{name}"


def _variable(name: str) -> str:
    return f"SECRET_OF_{name.upper().replace('-', '_')}"


def break_it(row: Row, name: str, fault: str, **how: Any) -> None:
    """Let the sandbox misbehave towards the account of this name."""
    row.stack.sandbox.fault(fault, account=client_of(name), **how)


def assert_survived(row: Row, *, timed: bool = True, seconds: float = 60.0, **expected: Any) -> Figures:
    """The promise of all rows, once all is over; what the sandbox did wrong counts as injected, where it did.

    `timed` says that work goes on at once: the time back is then that from each fault to the next event.
    """
    row.until_over(seconds)
    faulty = [call for call in row.calls() if call["fault"] and call["fault"] not in _NO_FAULT]
    row.injected.update(call["fault"] for call in faulty)
    if timed:
        row.moments += [call["time"] for call in faulty]
    return assert_kept(row, seconds=seconds, **expected)


def codes(row: Row, export_id: str) -> set[str]:
    """The errors on the export's way; that it found its account closed for a while is none of them."""
    return {event["error"]["code"] for event in row.stack.events(export_id) if event["error"]} - {"account_closed"}


def endings(row: Row, ids: Mapping[str, str]) -> dict[str, str]:
    """How the exports of all names ended: stored, or the code of their error."""
    shown = {name: row.stack.show(id_) for name, id_ in ids.items()}
    return {name: (export["error"] or {}).get("code") or export["state"] for name, export in shown.items()}
