"""Describes one request of a client to a vendor, as far as it is known."""

from dataclasses import dataclass, field

from sandbox.clock import now
from sandbox.reports import Report


@dataclass
class Visit:
    """One request; it never holds a credential. `base_url` is where its client found the sandbox."""

    vendor: str
    base_url: str = ""
    operation: str | None = None
    account: str | None = None
    report: Report | None = None
    fault: str | None = None
    at: float = field(default_factory=now)
