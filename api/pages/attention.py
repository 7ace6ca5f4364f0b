"""Says what an operator should look at now, the worst first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from urllib.parse import urlencode

from api.pages.words import duration
from landfall.database.freshness import Freshness
from landfall.database.gauges import AccountGauges, Gauges

# An export in the queue for so long deserves a look: reports take minutes to an hour.
_OLD_QUEUE = timedelta(hours=1)
_OVERDUE = timedelta(minutes=1)
_WEBHOOKS_LATE = timedelta(minutes=5)


class Weight(IntEnum):
    """How bad it is."""

    BAD = 0
    WARN = 1


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to look at: what it is, and the page that shows it."""

    weight: Weight
    text: str
    address: str


def matters(
    gauges: Gauges,
    fresh: Sequence[Freshness],
    accounts: Sequence[AccountGauges],
    *,
    missing: Sequence[AccountGauges],
    of_all: bool,
) -> list[Matter]:
    """What is not as it should be with these accounts, the worst first; `of_all`: and with what is of every account.

    `missing` are accounts that the database knows and the settings do not.
    """
    found = [*_of_workers(gauges, accounts), *_of_missing(missing), *_of_freshness(fresh)]
    if of_all:
        found += _of_webhooks(gauges)
    for account in accounts:
        found += _of_account(account)
    return sorted(found, key=lambda matter: matter.weight)


def _of_workers(gauges: Gauges, accounts: Sequence[AccountGauges]) -> Iterator[Matter]:
    if not any(worker.alive for worker in gauges.workers):
        waiting = sum(sum(account.live.values()) for account in accounts)
        consequence = f"{waiting} exports wait" if waiting else "nothing will be landed"
        yield Matter(Weight.BAD, f"No worker is alive: {consequence} until one is started", "/workers")
    late = [account for account in accounts if account.oldest_overdue > _OVERDUE.total_seconds()]
    if late and any(worker.alive for worker in gauges.workers):
        number, longest = sum(each.overdue for each in late), max(each.oldest_overdue for each in late)
        yield Matter(Weight.WARN, f"{number} steps are due and not taken, for {duration(longest)} now", "/workers")


def _of_missing(accounts: Sequence[AccountGauges]) -> Iterator[Matter]:
    for account in accounts:
        if waiting := sum(account.live.values()):
            exports = "1 export waits" if waiting == 1 else f"{waiting} exports wait"
            text = f"{account.name}: {exports}, and landfall.toml has no such account"
            yield Matter(Weight.BAD, text, f"/exports?{urlencode({'account': account.name})}")


def _of_webhooks(gauges: Gauges) -> Iterator[Matter]:
    if gauges.webhooks_late > _WEBHOOKS_LATE.total_seconds():
        late = duration(gauges.webhooks_late)
        yield Matter(Weight.WARN, f"Webhooks are late: the oldest delivery has been due for {late}", "/webhooks")


def _of_freshness(fresh: Sequence[Freshness]) -> Iterator[Matter]:
    for each in fresh:
        if each.met is False:
            have = f"reaches back {duration(each.age)}" if each.age is not None else "was never stored"
            text = f"{each.account}: {each.report_type} {have}, its target is {duration(each.target)}"
            yield Matter(Weight.WARN, text, f"/accounts?name={each.account}#freshness")


def _of_account(account: AccountGauges) -> Iterator[Matter]:
    address = f"/accounts?name={account.name}#account-{account.name}"
    if account.open:
        yield Matter(Weight.BAD, f"{account.name}: the circuit breaker is open, the vendor is not called", address)
    if account.paused:
        yield Matter(Weight.WARN, f"{account.name} is paused: nothing new is started", address)
    if account.oldest_queued > _OLD_QUEUE.total_seconds():
        query = urlencode({"state": "queued", "account": account.name})
        text = f"{account.name}: the oldest export in the queue has waited for {duration(account.oldest_queued)}"
        yield Matter(Weight.WARN, text, f"/exports?{query}")
