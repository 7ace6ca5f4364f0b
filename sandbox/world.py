"""Holds everything one sandbox knows, so that a reset can forget it."""

from collections import defaultdict
from typing import TextIO

from sandbox.access_tokens import AccessTokens
from sandbox.faults import FaultBook
from sandbox.links import Links
from sandbox.rate_limit import Bucket
from sandbox.reports import Report, Reports
from sandbox.settings import Settings
from sandbox.witness import Witness


class World:
    """Both vendors' state, the faults to come and the witness."""

    def __init__(self, settings: Settings, log: TextIO | None) -> None:
        """Start empty."""
        self.settings = settings
        self.reports = Reports(settings)
        self.faults = FaultBook()
        self.witness = Witness(log)
        self.links = Links(settings.link_token)
        self.access_tokens = AccessTokens(settings.token_seconds)
        self.buckets: defaultdict[str, Bucket] = defaultdict(lambda: Bucket(settings.rate_burst, settings.rate_refill))
        self.intelligems_questions: dict[str, Report] = {}
