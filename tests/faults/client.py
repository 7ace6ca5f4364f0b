"""Asks for exports as a patient client does: again, until the API has accepted each of them."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from tests.faults.row import Row
from tests.stack import Stack

_AGAIN_SECONDS = 0.1
_LONGEST_SECONDS = 90.0
_PAUSE = 503


@dataclass
class PatientClient:
    """Asks for `count` exports, one after another. `answers` counts by status (0: none), `slowest` is in seconds."""

    stack: Stack
    count: int
    first: int
    account: str = "shop-bwp"
    pause: float = 0.05
    accepted: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    retry_after: set[str] = field(default_factory=set)
    slowest: float = 0.0
    _thread: threading.Thread | None = None

    def start(self) -> "PatientClient":
        self._thread = threading.Thread(target=self._ask_for_all)
        self._thread.start()
        return self

    def finish(self, row: Row) -> None:
        """Wait until all are accepted, and promise them in the row's name."""
        assert self._thread
        self._thread.join()
        row.accepted += self.accepted
        assert len(set(self.accepted)) == self.count, self.answers
        assert set(self.answers) <= {0, 200, 202, _PAUSE}, self.answers
        assert "" not in self.retry_after, "a 503 without Retry-After"

    def _ask_for_all(self) -> None:
        end = time.monotonic() + _LONGEST_SECONDS
        for number in range(self.first, self.first + self.count):
            while time.monotonic() < end and not self._ask(number):
                time.sleep(_AGAIN_SECONDS)
            time.sleep(self.pause)

    def _ask(self, number: int) -> bool:
        end = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
        request = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": end.isoformat()}
        began = time.monotonic()
        try:
            answer = self.stack.post("/v1/exports", json={"account": self.account, "request": request})
        except httpx.TransportError:
            self.answers[0] += 1
            return False
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[answer.status_code] += 1
        if answer.status_code == _PAUSE:
            self.retry_after.add(answer.headers.get("retry-after", ""))
        if not answer.is_success:
            return False
        self.accepted.append(answer.json()["id"])
        return True
