"""Defines what a vendor registers for the processes that do not speak to it."""

from dataclasses import dataclass

from landfall.vendors.account import Account
from landfall.vendors.request import VendorRequest


@dataclass(frozen=True, slots=True)
class VendorSchemas:
    """What an export of this vendor may be asked for, and what its account needs.

    `starts_repeat` says that asking twice to start orders one report only: a lost answer then holds no slot.
    """

    request: type[VendorRequest]
    account: type[Account]
    starts_repeat: bool
