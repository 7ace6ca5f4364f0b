"""Counts what clients did, and writes it to the control log."""

import json
from collections import Counter
from typing import TextIO

from sandbox.visit import Visit


class Witness:
    """The counters since the start or the last reset."""

    def __init__(self, log: TextIO | None) -> None:
        """Count from zero."""
        self._log = log
        self.counts: Counter[str] = Counter()
        self.starts: Counter[str] = Counter()
        self.polls: Counter[str] = Counter()
        self.links: Counter[str] = Counter()

    def note(self, visit: Visit, status: int | None) -> None:
        """Write the control log's line of a request that has ended; ``status`` is None where it got no answer."""
        if self._log is None:
            return
        line = {
            "time": visit.at,
            "vendor": visit.vendor,
            "account": visit.account,
            "operation": visit.operation,
            "report": visit.report.id if visit.report else None,
            "status": status,
            "fault": visit.fault,
        }
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()
