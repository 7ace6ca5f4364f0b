"""Reads and writes W3C traceparents, and derives from an export what its spans must agree on in every process."""

import hashlib
import re
from typing import NamedTuple, Self

from landfall.exports.job import ExportJob

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01
_TRACE_BYTES, _SPAN_BYTES = 16, 8


class Traceparent(NamedTuple):
    """A place in a trace, as W3C's Trace Context names it: ids in lower-case hex, and whether it is recorded."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place that a header names; None where it is malformed, which counts as if it were not there (W3C, 3.2.2)."""
        found = _FORM.fullmatch(text)
        if found is None or (found[1] == "00" and found[5]):
            return None
        return cls(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def kept(job: ExportJob) -> Traceparent | None:
    """Where the export comes from, as its row tells it."""
    return Traceparent.read(job.traceparent) if job.traceparent else None


def own_trace(export_id: str) -> str:
    """The id of the trace of an export that nobody's trace goes on in."""
    return hashlib.sha256(f"trace of {export_id}".encode()).hexdigest()[: 2 * _TRACE_BYTES]


def life_of(job: ExportJob) -> str:
    """The id of the span that the export's present life is; each retry begins another."""
    named = f"life of {job.id} from {job.traceparent or ''}"
    return hashlib.sha256(named.encode()).hexdigest()[: 2 * _SPAN_BYTES]


def next_life(job: ExportJob) -> str:
    """The traceparent of the life that a retry begins: of the same trace, below the life that has ended."""
    above = kept(job)
    return str(
        Traceparent(above.trace_id if above else own_trace(job.id), life_of(job), above is None or above.sampled)
    )
