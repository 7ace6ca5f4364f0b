"""Runs `landfall up` for a browser to look at: accounts of both vendors at the sandbox, and a webhook."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli import running
from tests.stack import Stack
from tests.vendors.sandbox_process import Sandbox, run_sandbox
from tests.webhooks.receiver import SECRET

INTELLIGEMS, BUY_WITH_PRIME = "intelligems", "buy_with_prime"
# An account that nobody asks for anything.
QUIET = "shop-quiet"
# One whose slots stay taken.
FULL = "shop-full"
ACCOUNTS = {"shop-ab": INTELLIGEMS, "shop-bwp": BUY_WITH_PRIME, FULL: BUY_WITH_PRIME, QUIET: BUY_WITH_PRIME}
_QUICK = {
    "LANDFALL_SWEEP_SECONDS": "0.2",
    "LANDFALL_POLL_FLOOR_SECONDS": "0.1",
    "LANDFALL_RETRY_BASE_SECONDS": "0.1",
}


class House(Stack):
    """A home over which `landfall up` runs."""

    folder: Path
    process: subprocess.Popen[str]

    def fault(self, name: str, account: str, **how: Any) -> None:
        """Have one account meet a fault, whatever the others do meanwhile."""
        self.sandbox.fault(name, account=f"sandbox-{account}", **how)

    def kill_api(self) -> None:
        """Kill the API; `landfall up` starts another."""
        running.Up(self.process, self.folder, self.url).children()["api"].kill()


@contextmanager
def run_house(
    folder: Path,
    *flags: str,
    accounts: Mapping[str, str] = ACCOUNTS,
    receiver: str = "http://127.0.0.1:9/hook",
    more: str = "",
    settings: Mapping[str, str] | None = None,
) -> Iterator[House]:
    """A house of its own in the folder until the block ends; the flags are the sandbox's, `more` is for landfall.toml."""
    with run_sandbox("--rate-burst", "1000", *flags) as sandbox:
        tables = [_account(name, vendor, sandbox) for name, vendor in accounts.items()]
        hook = f'[webhooks.ops]\nurl = {json.dumps(receiver)}\nsecret = {{ env = "HOOK_SECRET" }}\n'
        text = "\n".join(["api_port = 0", *tables, f"{hook}allow_private_hosts = true\n", more])
        (folder / "landfall.toml").write_text(text, encoding="utf-8")
        secrets = {_variable(name, word): f"sandbox-{name}{end}" for name in accounts for word, end in _WORDS.items()}
        with running.up(folder, "--quiet", env=_QUICK | secrets | {"HOOK_SECRET": SECRET} | dict(settings or {})) as up:
            house = House(folder / ".landfall", sandbox, int(up.url.rpartition(":")[2]), key=up.key)
            house.folder, house.process = folder, up.process
            yield house


# What a credential's value ends with at the sandbox, by its word in our variables' names.
_WORDS = {"TOKEN": "", "ID": "", "SECRET": "-secret"}


def _variable(account: str, word: str) -> str:
    return f"{account.replace('-', '_').upper()}_{word}"


def _account(name: str, vendor: str, sandbox: Sandbox) -> str:
    given = {word: f'{{ env = "{_variable(name, word)}" }}' for word in _WORDS}
    if vendor == INTELLIGEMS:
        own = [f"access_token = {given['TOKEN']}", "rate_burst = 1000", f'base_url = "{sandbox.intelligems}"']
    else:
        own = [f"client_id = {given['ID']}", f"client_secret = {given['SECRET']}", 'target_id = "target"']
        own.append(f'base_url = "{sandbox.buy_with_prime}"')
    return "\n".join([f"[accounts.{name}]", f'vendor = "{vendor}"', *own, ""])
