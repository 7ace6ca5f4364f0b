"""Keeps, in memory only, the links that came before anyone asked for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from landfall.exports.job import ExportJob
from landfall.vendors.vendor import Link

_KEEP = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Kept:
    link: Link
    since: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Younger than the keeping time, and with more than half its life left."""
        life = self.link.expires_at - self.since
        return timedelta() <= now - self.since < _KEEP and self.link.expires_at - now > life / 2


class KeptLinks:
    """Links by export and generation; each is handed out once, and only while fresh."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Take the clock."""
        self._now = now
        self._kept: dict[tuple[str, int], _Kept] = {}

    def keep(self, job: ExportJob, link: Link) -> None:
        """Keep the link for the export's download, and drop the links that nobody fetched."""
        now = self._now()
        self._kept = {key: kept for key, kept in self._kept.items() if kept.is_fresh(now)}
        self._kept[job.id, job.generation] = _Kept(link, now)

    def take(self, job: ExportJob) -> Link | None:
        """Hand out the export's link, if there is a fresh one; it is forgotten."""
        kept = self._kept.pop((job.id, job.generation), None)
        return kept.link if kept and kept.is_fresh(self._now()) else None
