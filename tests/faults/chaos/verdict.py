"""Measures what became of the chaos, from outside, and puts it into a table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.chaos.accounts import Account
from tests.faults.chaos.clients import Clients
from tests.faults.chaos.monkey import Monkey
from tests.faults.promise import measure
from tests.faults.row import Row

_BACK_IN_SECONDS = 20.0
_INJECTED = ("SIGKILL", "SIGSTOP", "SIGTERM", "FLUSHALL", "SIGKILL of Redis", "immediate stop of Postgres")


@dataclass(frozen=True)
class Promise:
    """One promise, what came of it, and whether it was kept."""

    words: str
    figure: str
    kept: bool


def promises(row: Row, monkey: Monkey, clients: Clients, seconds: float) -> list[Promise]:
    """Wait for the end of all exports, then look."""
    row.accepted = list(clients.accepted)
    figures = measure(row, seconds=seconds)
    above = accounts_above_limit(row, monkey.accounts)
    # While Postgres is away a worker may refuse to start, in one sentence; one that works has to go on.
    died = max(0, monkey.ended.total() - _refusals(row))
    missing = [name for name in _INJECTED if not row.injected[name]]
    struck = sum(row.stack.sandbox.stats()["faults"].values())
    return [
        Promise("every kind of fault injected", ", ".join(missing) or "yes", bool(struck) and not missing),
        Promise("every client was heard", f"{len(clients.errors)} refused for good", not clients.errors),
        Promise("every export accepted", f"{len(row.accepted)} of {clients.count}", len(row.accepted) == clients.count),
        Promise("exports lost", str(figures.lost), figures.lost == 0),
        Promise("files published twice", str(figures.twice), figures.twice == 0),
        Promise("files seen in part", str(figures.partial), figures.partial == 0),
        Promise("wrong checksums", str(figures.wrong_sums), figures.wrong_sums == 0),
        Promise("accounts above their limit", ", ".join(above) or "0", not above),
        Promise("slots that did not come back", str(figures.slots_held), figures.slots_held == 0),
        Promise("back in, at the longest", f"{figures.back_in or 0:.1f} s", (figures.back_in or 0) <= _BACK_IN_SECONDS),
        Promise("workers that ended by themselves", str(died), not died),
    ]


def accounts_above_limit(row: Row, accounts: Iterable[Account]) -> list[str]:
    """Accounts that ever had more reports in the making than they may, as the sandbox saw it."""
    counted: Mapping[str, int] = row.stack.sandbox.stats()["most_started"]
    reports = row.stack.sandbox.reports()
    seen = {
        account: max(_most_at_once(reports, account.witness), counted.get(account.witness, 0)) for account in accounts
    }
    return [f"{each.name} {most} of {each.max_started}" for each, most in seen.items() if most > each.max_started]


def _most_at_once(reports: Sequence[Mapping[str, Any]], witness: str) -> int:
    ours = [report for report in reports if report["account"] == witness]
    # At the same moment one ends before another begins.
    moves = sorted(
        [(report["requested_at"], 1) for report in ours]
        + [(report["finished_at"], -1) for report in ours if report["finished_at"]]
    )
    most = now = 0
    for _, step in moves:
        now += step
        most = max(most, now)
    return most


def _refusals(row: Row) -> int:
    return row.stack.log("worker").count("landfall worker: database_url: the database cannot be read")


def lines(row: Row, monkey: Monkey, clients: Clients, found: Sequence[Promise]) -> list[str]:
    """The table: what was injected, what else was counted, what was promised."""
    struck = Counter(row.stack.sandbox.stats()["faults"])
    injected = [(words, str(count)) for words, count in sorted(row.injected.items())]
    vendors = [
        (f"vendor: {name}", f"{struck[name]} of {count} struck") for name, count in sorted(monkey.vendor_faults.items())
    ]
    counted = [
        ("POSTs that had to be repeated", str(clients.refused)),
        ("workers that ended untold", _in_words(monkey.ended) or "0"),
        ("of them without a database", str(_refusals(row))),
        ("reports started", _in_words(row.stack.sandbox.stats()["starts"])),
        ("late results fenced", str(row.fenced())),
        ("steps rescued", str(row.stack.log("worker").count('"a step was rescued"'))),
    ]
    kept = [(each.words, f"{each.figure:<26}{'kept' if each.kept else 'BROKEN'}") for each in found]
    return [
        *_section("injected", injected),
        *_section("vendors' faults", vendors),
        *_section("counted", counted),
        *_section("promised", kept),
    ]


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"--- {title}", *(f"{words:<36}{figure}" for words, figure in rows)]


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {words}" for words, count in sorted(counts.items()))
