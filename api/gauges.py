"""Writes what the database counts as Prometheus' gauges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from landfall.database.gauges import AccountGauges, Gauges
from landfall.exports.states import TERMINAL, State

_OF_ACCOUNT = {
    "landfall_oldest_queued_seconds": "Age of the oldest export that is queued.",
    "landfall_slots_used": "Slots that exports or reports without an export hold.",
    "landfall_slots_limit": "Slots that may be used now, while the vendor throttles.",
    "landfall_slots_max": "Slots that the settings allow.",
    "landfall_account_blocked": "1 while the vendor has asked for a pause.",
    "landfall_account_open": "1 while the circuit breaker keeps the account from being used.",
    "landfall_account_paused": "1 while an operator has paused the account.",
    "landfall_exports_overdue": "Exports whose step is due and has not been taken.",
    "landfall_oldest_overdue_seconds": "How long the longest overdue step has been due.",
}
_LABELS = ("account", "vendor")


def exposed(gauges: Gauges) -> str:
    """The gauges in Prometheus' text format."""
    return _text([*_of_accounts(gauges), *_of_freshness(gauges), *_of_workers(gauges), *_of_webhooks(gauges)])


def exposed_scrape(version: str, round_trip: float | None) -> str:
    """What a scrape says of this release and its database; `round_trip` is None where that did not answer."""
    info = GaugeMetricFamily("landfall_build_info", "The release of this API.", labels=("version",))
    info.add_metric((version,), 1)
    families: list[Metric] = [
        info,
        GaugeMetricFamily("landfall_database_up", "1 where the database answered.", value=int(round_trip is not None)),
    ]
    if round_trip is not None:
        told = "How long the database took for the shortest question."
        families.append(GaugeMetricFamily("landfall_database_round_trip_seconds", told, value=round_trip))
    return _text(families)


def _of_accounts(gauges: Gauges) -> Iterator[Metric]:
    live = GaugeMetricFamily("landfall_exports", "Exports that have not ended, by state.", labels=(*_LABELS, "state"))
    families = {name: GaugeMetricFamily(name, told, labels=_LABELS) for name, told in _OF_ACCOUNT.items()}
    for account in gauges.accounts:
        whose = (account.name, account.vendor)
        for state in State:
            if state not in TERMINAL:
                live.add_metric((*whose, state), account.live.get(state, 0))
        for name, value in _values(account).items():
            families[name].add_metric(whose, value)
    yield live
    yield from families.values()


def _values(account: AccountGauges) -> Mapping[str, float]:
    return {
        "landfall_oldest_queued_seconds": account.oldest_queued,
        "landfall_slots_used": account.slots_used,
        "landfall_slots_limit": account.slots_limit,
        "landfall_slots_max": account.max_started,
        "landfall_account_blocked": account.blocked,
        "landfall_account_open": account.open,
        "landfall_account_paused": account.paused,
        "landfall_exports_overdue": account.overdue,
        "landfall_oldest_overdue_seconds": account.oldest_overdue,
    }


def _of_freshness(gauges: Gauges) -> Iterator[Metric]:
    labels = (*_LABELS, "report_type")
    age = GaugeMetricFamily("landfall_freshness_age_seconds", "Since the end of what is stored.", labels=labels)
    target = GaugeMetricFamily("landfall_freshness_target_seconds", "Age that the settings allow.", labels=labels)
    met = GaugeMetricFamily("landfall_freshness_met", "1 while the age is within the target.", labels=labels)
    for each in gauges.freshness:
        kind = (each.account, each.vendor, each.report_type)
        for family, value in ((age, each.age), (target, each.target), (met, each.met)):
            if value is not None:
                family.add_metric(kind, value)
    yield from (age, target, met)


def _of_workers(gauges: Gauges) -> Iterator[Metric]:
    alive = [worker for worker in gauges.workers if worker.alive]
    yield GaugeMetricFamily("landfall_workers_alive", "Workers that were heard of lately.", value=len(alive))
    info = GaugeMetricFamily("landfall_worker_info", "The release of a living worker.", labels=("worker", "version"))
    running = GaugeMetricFamily("landfall_worker_running_steps", "Steps that a living worker runs.", labels=("worker",))
    silent = GaugeMetricFamily("landfall_worker_silent_seconds", "Since a worker's last report.", labels=("worker",))
    for worker in alive:
        info.add_metric((worker.id, worker.version), 1)
        running.add_metric((worker.id,), worker.running)
    for worker in gauges.workers:
        silent.add_metric((worker.id,), max(0.0, worker.silent.total_seconds()))
    yield from (info, running, silent)


def _of_webhooks(gauges: Gauges) -> Iterator[Metric]:
    waiting, late = gauges.webhooks_waiting, gauges.webhooks_late
    yield GaugeMetricFamily("landfall_webhook_backlog", "Deliveries that are still to be made.", value=waiting)
    told = "How long the longest overdue delivery has been due."
    yield GaugeMetricFamily("landfall_oldest_overdue_webhook_seconds", told, value=late)


@dataclass(frozen=True)
class _Collected(Collector):
    families: list[Metric]

    def collect(self) -> list[Metric]:
        return self.families


def _text(families: list[Metric]) -> str:
    return generate_latest(_Collected(families)).decode()
