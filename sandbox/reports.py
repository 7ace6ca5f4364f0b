"""Keeps the reports: how long each takes to build, what became of it and how often it was asked for."""

import math
import random
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.clock import now
from sandbox.csv_body import CsvBody
from sandbox.settings import Settings

_DAY = 86_400


class State(StrEnum):
    """Where a report stands, in Buy with Prime's words; GONE is a report past its life."""

    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    GONE = "GONE"


@dataclass(eq=False)
class Report:
    """One report of one account; times are epoch seconds."""

    vendor: str
    account: str
    id: str
    request: dict[str, Any]
    report_type: str
    body: CsvBody
    requested_at: float
    build_seconds: float
    finish_at: float
    gone_at: float
    fails: bool = False
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    asked: Counter[str] = field(default_factory=Counter)
    first_poll_after_finish_at: float | None = None

    @property
    def state(self) -> State:
        """The state at this moment."""
        if now() >= self.gone_at:
            return State.GONE
        if now() < self.finish_at:
            return State.STARTED
        return State.FAILED if self.fails else State.COMPLETED

    def polled(self) -> None:
        """Note that a client asked how the report stands."""
        self.asked["polls"] += 1
        self.answered()

    def answered(self) -> None:
        """Note that a client is told how the report stands."""
        if self.first_poll_after_finish_at is None and now() >= self.finish_at:
            self.first_poll_after_finish_at = now()

    def fail(self) -> None:
        """End the report as FAILED at once."""
        self.fails, self.finish_at = True, min(self.finish_at, now())

    def vanish(self) -> None:
        """End the report's life at once."""
        self.gone_at = now()

    def resize(self, at_most: int, seed: int) -> None:
        """Give the report a body of ``at_most`` bytes."""
        self.body = CsvBody.of(self.report_type, self.body.identity, seed=seed, at_most=at_most)


class Reports:
    """Every report since the start or the last reset."""

    def __init__(self, settings: Settings) -> None:
        """Start with none."""
        self._settings = settings
        self._accepted: Counter[tuple[str, str]] = Counter()
        self._started: defaultdict[str, set[Report]] = defaultdict(set)
        self._by_key: dict[str, Report] = {}
        self.by_id: dict[str, Report] = {}
        self.most_started: Counter[str] = Counter()

    def accept(self, vendor: str, account: str, report_type: str, request: dict[str, Any]) -> Report:
        """Begin to build a report, its build time drawn in the account's order of acceptance."""
        nth = self._accepted[vendor, account]
        self._accepted[vendor, account] += 1
        seconds, requested_at, settings = self._build_seconds(account, nth), now(), self._settings
        prefix = "USER_EVENTS:" if vendor == "buy_with_prime" else ""
        report = Report(
            vendor=vendor,
            account=account,
            id=f"{prefix}{uuid.uuid4()}",
            request=request,
            report_type=report_type,
            body=CsvBody.of(report_type, f"{vendor}:{account}:{nth}", seed=settings.seed, at_most=settings.bytes),
            requested_at=requested_at,
            build_seconds=seconds,
            finish_at=requested_at + seconds,
            gone_at=requested_at + settings.report_days * _DAY,
        )
        self.by_id[report.id] = self._by_key[report.key] = report
        self._count_started(report)
        return report

    def never_finish(self, report: Report) -> None:
        """Leave the report STARTED until its life ends, also where it had finished."""
        self.build_on(report, math.inf)

    def build_on(self, report: Report, seconds: float) -> None:
        """Leave the report STARTED for so long, also where it had finished."""
        report.finish_at = now() + seconds
        self._count_started(report)

    def owned(self, report_id: str, account: str) -> Report | None:
        """Return the account's report of this id, also where it is gone."""
        report = self.by_id.get(report_id)
        return report if report is not None and report.account == account else None

    def of_file(self, key: str) -> Report | None:
        """Return the report whose download has this key."""
        return self._by_key.get(key)

    def started(self, account: str) -> int:
        """Count the Buy with Prime account's reports that are STARTED now."""
        still = {report for report in self._started[account] if report.state is State.STARTED}
        self._started[account] = still
        return len(still)

    def started_now(self) -> dict[str, int]:
        """Count the reports STARTED now, by Buy with Prime account."""
        return {account: self.started(account) for account in list(self._started)}

    def _count_started(self, report: Report) -> None:
        if report.vendor != "buy_with_prime":
            return
        self._started[report.account].discard(report)
        # Even a report that takes no time was STARTED for a moment.
        at_once = self.started(report.account) + 1
        self._started[report.account].add(report)
        self.most_started[report.account] = max(self.most_started[report.account], at_once)

    def _build_seconds(self, account: str, nth: int) -> float:
        mean, sigma = self._settings.build_mean, self._settings.build_sigma
        if mean == 0:
            return 0.0
        rng = random.Random(f"{self._settings.seed}:{account}:{nth}")  # noqa: S311 - a run is repeatable
        return rng.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)
