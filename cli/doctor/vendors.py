"""Checks each account against its vendor: the credentials, and the hosts that its files may come from."""

import asyncio
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from cli.doctor.finding import Finding, Installation, error, ok, warning, wrong_setting
from landfall.net.guard import is_public
from landfall.settings import SettingsError
from landfall.vendors.account import Account
from landfall.vendors.credentials import Outcome, check_credentials

_PATTERN = re.compile(r"[A-Za-z0-9*?.\[\]:_-]+")
_FEWEST_DOTS = 2


def look_at_credentials(installation: Installation) -> Iterator[Finding]:
    """What each vendor says of the account's credentials, by the cheapest call there is."""
    if installation.offline or not installation.accounts:
        return
    with ThreadPoolExecutor(len(installation.accounts)) as threads:
        found = threads.map(_credentials, installation.accounts, installation.accounts.values())
        yield from (finding for finding in found if finding)


def look_at_hosts(installation: Installation) -> Iterator[Finding]:
    """Whether the account's addresses are safe and lead somewhere."""
    for name, account in installation.accounts.items():
        check = f"hosts of {name}"
        found = list(_hosts(check, name, account, offline=installation.offline))
        allowed = ", ".join(account.download_hosts) or "any public host"
        yield from found or [ok(check, f"files may come from {allowed}")]


def _credentials(name: str, account: Account) -> Finding | None:
    """Nothing where a secret is missing: that is another check's finding."""
    check = f"credentials of {name}"
    try:
        account.secrets(name)
    except SettingsError:
        return None
    try:
        verdict = asyncio.run(check_credentials(name, account))
    except SettingsError as problem:
        return wrong_setting(check, problem)
    match verdict.outcome:
        case Outcome.GOOD:
            return ok(check, verdict.found)
        case Outcome.UNKNOWN:
            return warning(check, f"cannot tell: {verdict.found}", verdict.cure)
        case Outcome.REFUSED | Outcome.UNREACHABLE:
            return error(check, verdict.found, verdict.cure)


def _hosts(check: str, name: str, account: Account, *, offline: bool) -> Iterator[Finding]:
    if account.base_url.startswith("http://") and not account.private_hosts_allowed:
        found = f"{account.base_url} is plain http, which shows the credentials to everybody on the way"
        yield warning(check, found, f"set accounts.{name}.base_url to its https address")
    for pattern in account.download_hosts:
        yield from _pattern(check, f"accounts.{name}.download_hosts", pattern, account, offline=offline)


def _pattern(check: str, setting: str, pattern: str, account: Account, *, offline: bool) -> Iterator[Finding]:
    if not _PATTERN.fullmatch(pattern):
        cure = f'write hosts alone into {setting}, without scheme, port and path, as "*.amazonaws.com"'
        yield error(check, f"{pattern!r} can be the name of no host", cure)
    elif "*" in pattern or "?" in pattern:
        if not pattern.startswith("*.") or pattern.count(".") < _FEWEST_DOTS:
            cure = f'narrow it down in {setting}, as "*.amazonaws.com"'
            yield warning(check, f"{pattern!r} lets in hosts of strangers", cure)
    elif not offline:
        yield from _resolved(check, setting, pattern, account)


def _resolved(check: str, setting: str, host: str, account: Account) -> Iterator[Finding]:
    try:
        addresses = {
            ip_address(str(found[4][0]).partition("%")[0]) for found in socket.getaddrinfo(host.strip("[]"), 443)
        }
    except (OSError, UnicodeError):
        yield warning(check, f"{host} cannot be resolved", f"correct it in {setting}, or check the name server")
        return
    if not account.private_hosts_allowed and not all(map(is_public, addresses)):
        table = setting.removesuffix(".download_hosts")
        cure = f"correct it, or set {table}.allow_private_hosts = true"
        yield error(check, f"{host} leads to a private address, from which nothing is downloaded", cure)
