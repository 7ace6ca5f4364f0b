"""Says how patient Landfall is with each account, as the settings and its vendor have it."""

from collections.abc import Mapping
from dataclasses import replace

from landfall.exports.policy import Policy, retry_policies
from landfall.exports.poll_policy import PollPolicy
from landfall.settings import Settings
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS


def policies_of(settings: Settings, accounts: Mapping[str, Account]) -> dict[str, Policy]:
    """The policy of each account, by name."""
    policy = Policy(
        retries=retry_policies(settings.retry_base_seconds),
        poll=PollPolicy(floor=settings.poll_floor_seconds, cap=settings.poll_cap_seconds),
        deferral_base=settings.retry_base_seconds / 2,
        lost_start_seconds=settings.lost_start_seconds,
        max_crashes=settings.max_crashes,
    )
    return {
        name: replace(policy, starts_repeat=VENDORS[account.vendor].starts_repeat) for name, account in accounts.items()
    }
