"""Connects accounts to the clients of their vendors."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from landfall.vendors.account import Account
from landfall.vendors.buy_with_prime.client import BuyWithPrime
from landfall.vendors.intelligems.client import Intelligems
from landfall.vendors.shared import Shared
from landfall.vendors.vendor import Vendor

# Each takes the account's name and its own kind of Account; the catalog has seen to it that they fit.
_CLIENTS: Mapping[str, Callable[[str, Any, Shared], Vendor]] = MappingProxyType(
    {
        "intelligems": Intelligems.connect,
        "buy_with_prime": BuyWithPrime.connect,
    }
)


def connect(name: str, account: Account, shared: Shared | None = None) -> Vendor:
    """Return the client of the account called `name`; nothing is sent yet.

    Workers that are to share access tokens give one cache that all of them see; without one the client shares nothing.
    Raises SettingsError where a secret is missing or cannot be sent.
    """
    return _CLIENTS[account.vendor](name, account, shared or Shared())
