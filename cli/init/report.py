"""Says what was written, what the vendor said, and what to do next."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.fields import write_fields
from cli.output import answer
from cli.processes import own_command
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS
from landfall.vendors.credentials import Outcome, Verdict

_SAYS = {
    Outcome.GOOD: "good",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "vendor not reached",
    Outcome.UNKNOWN: "cannot tell",
}


@dataclass(frozen=True, slots=True)
class Written:
    """The settings file, whether it is new, the accounts that were written into it, and the files of their secrets."""

    path: Path
    new: bool
    accounts: Mapping[str, Account]
    secrets: Sequence[Path]


def tell(written: Written, checks: Mapping[str, Verdict], *, as_json: bool) -> None:
    """Print it."""
    following = [f"{own_command()} up", *(_example(name, each) for name, each in written.accounts.items())]
    if as_json:
        answer(json.dumps(_as_json(written, checks, following)))
        return
    names = ", ".join(f"{name} ({each.vendor})" for name, each in written.accounts.items())
    lines = [f"{'Wrote' if written.new else 'Added to'} {written.path}: {names}."]
    lines += [f"The secret is in {file}, which nobody else may read." for file in written.secrets]
    lines += [_in_words(name, verdict) for name, verdict in checks.items()]
    next_steps = [
        "",
        "Next, each in a terminal of its own (the request is an example):",
        *(f"  {each}" for each in following),
    ]
    answer("\n".join([*lines, *next_steps]))


def _in_words(name: str, verdict: Verdict) -> str:
    cure = f"; {verdict.cure}" if verdict.cure else ""
    again = " (`landfall doctor`)" if verdict.outcome is Outcome.UNREACHABLE else ""
    return f"Credentials of {name}: {_SAYS[verdict.outcome]}. {verdict.found}{cure}{again}."


def _example(name: str, account: Account) -> str:
    example = write_fields(VENDORS[account.vendor].request.example)
    return f"{own_command()} submit {shlex.quote(name)} {example} --wait"


def _as_json(written: Written, checks: Mapping[str, Verdict], following: Sequence[str]) -> dict[str, object]:
    return {
        "file": str(written.path),
        "new": written.new,
        "accounts": [
            {"name": name, "vendor": each.vendor, "credentials": _verdict_as_json(checks.get(name))}
            for name, each in written.accounts.items()
        ],
        "secret_files": [str(file) for file in written.secrets],
        "next": list(following),
    }


def _verdict_as_json(verdict: Verdict | None) -> dict[str, str] | None:
    return {"outcome": verdict.outcome, "found": verdict.found, "cure": verdict.cure} if verdict else None
