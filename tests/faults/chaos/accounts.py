"""Makes twenty accounts of both vendors, each with its own limit, and the requests that they are asked for."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.stack import EXPERIENCE, SECRETS
from tests.vendors.sandbox_process import Sandbox

OF_EACH_VENDOR = 10
_LIMITS = (2, 3, 4, 5)
_DEFAULT_LIMIT = 5


@dataclass(frozen=True)
class Account:
    """One account: its name in the settings, the name that the sandbox knows it by, its limit of reports at once."""

    name: str
    vendor: str
    witness: str
    max_started: int

    @property
    def of_buy_with_prime(self) -> bool:
        return self.vendor == "buy_with_prime"

    def request(self, number: int) -> dict[str, Any]:
        """The account's request of this number, another for each."""
        if self.of_buy_with_prime:
            end = f"2026-02-{number % 28 + 1:02}T{number // 28:02}:00:00Z"
            return {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": end}
        return {"experience_id": f"{EXPERIENCE}{number:02x}", "export_type": "orders"}


def make_accounts() -> Sequence[Account]:
    """The two of every stack, and eighteen more."""
    return [
        Account("shop-bwp", "buy_with_prime", SECRETS["BWP_ID"], _DEFAULT_LIMIT),
        Account("shop-ab", "intelligems", _intelligems(SECRETS["IT_TOKEN"]), _DEFAULT_LIMIT),
        *(_more(number) for number in range(2, OF_EACH_VENDOR + 1)),
        *(_more_intelligems(number) for number in range(2, OF_EACH_VENDOR + 1)),
    ]


def tables(accounts: Sequence[Account], sandbox: Sandbox) -> str:
    """The TOML of those that a stack does not have by itself."""
    return "".join(_table(account, sandbox) for account in accounts[2:])


def secrets(accounts: Sequence[Account]) -> Mapping[str, str]:
    """The variables that their tables name."""
    found: dict[str, str] = {}
    for account in accounts[2:]:
        variable = _variable(account)
        if account.of_buy_with_prime:
            found |= {f"{variable}_ID": account.witness, f"{variable}_SECRET": f"{account.witness}-secret"}
        else:
            found[variable] = _token(account.name)
    return found


def _more(number: int) -> Account:
    return Account(f"bwp-{number}", "buy_with_prime", f"sandbox-bwp-{number}", _LIMITS[number % len(_LIMITS)])


def _more_intelligems(number: int) -> Account:
    name = f"ab-{number}"
    return Account(name, "intelligems", _intelligems(_token(name)), _LIMITS[number % len(_LIMITS)])


def _token(name: str) -> str:
    return f"sandbox-{name}"


def _intelligems(token: str) -> str:
    """The sandbox shows no token."""
    return f"intelligems-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _variable(account: Account) -> str:
    return f"CHAOS_{account.name.replace('-', '_').upper()}"


def _table(account: Account, sandbox: Sandbox) -> str:
    variable = _variable(account)
    head = f'\n[accounts.{account.name}]\nvendor = "{account.vendor}"\nmax_started = {account.max_started}\n'
    if account.of_buy_with_prime:
        return head + (
            f'client_id = {{ env = "{variable}_ID" }}\nclient_secret = {{ env = "{variable}_SECRET" }}\n'
            f'target_id = "target"\nbase_url = {json.dumps(sandbox.buy_with_prime)}\n'
        )
    return head + (
        f'access_token = {{ env = "{variable}" }}\nrate_burst = 1000\nbase_url = {json.dumps(sandbox.intelligems)}\n'
    )
