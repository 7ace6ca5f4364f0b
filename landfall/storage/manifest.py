"""Writes and reads the manifest beside an artifact: what was asked, when it was fetched, what the file holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from landfall import __version__
from landfall.complaints import first_complaint
from landfall.exports.job import ExportJob

MANIFEST = ".manifest.json"
VERSION: Literal[1] = 1
_RANGE = ("start", "end")

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Measured(Protocol):
    """What was found out about a file."""

    @property
    def bytes(self) -> int:
        """The size."""

    @property
    def rows(self) -> int:
        """Data records, without the header."""

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""

    @property
    def columns(self) -> Sequence[str]:
        """The names in the header."""

    @property
    def header_hash(self) -> str | None:
        """The fingerprint of the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One artifact: `bytes` and `sha256` are of the file as published, `rows` leaves out the header.

    `window` is the range that was asked for, as far as the request names one. `started_at` is when the vendor was asked
    for the report, `polled_at` when it last said "not yet", `built_at` when it was seen to be finished (None where
    nobody noted it), `published_at` when the file was whole. `encoding` is how the file is packed in the store.
    """

    manifest_version: Literal[1]
    landfall_version: str
    export_id: str
    vendor: str
    account: str
    report_type: str
    request: dict[str, Any]
    window: dict[str, str]
    report_id: str | None
    generation: Annotated[int, Field(ge=1)]
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    polled_at: AwareDatetime | None
    built_at: AwareDatetime | None
    published_at: AwareDatetime
    bytes: Count
    rows: Count
    sha256: Sha256
    columns: tuple[str, ...]
    header_hash: str | None
    encoding: str = "identity"
    extra: dict[str, Any] = field(default_factory=dict)


_FORM = TypeAdapter(Manifest)


def manifest(
    job: ExportJob,
    measured: Measured,
    *,
    published_at: datetime,
    built_at: datetime | None = None,
    encoding: str = "identity",
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The manifest of an export's file as JSON: the same bytes for the same facts."""
    facts = Manifest(
        manifest_version=VERSION,
        landfall_version=__version__,
        export_id=job.id,
        vendor=job.vendor,
        account=job.account,
        report_type=job.report_type,
        request=dict(job.request),
        window={name: str(job.request[name]) for name in _RANGE if job.request.get(name) is not None},
        report_id=job.report_id,
        generation=job.generation,
        created_at=job.created_at,
        started_at=job.started_at,
        polled_at=job.polled_at,
        built_at=built_at,
        published_at=published_at,
        bytes=measured.bytes,
        rows=measured.rows,
        sha256=measured.sha256,
        columns=tuple(measured.columns),
        header_hash=measured.header_hash,
        encoding=encoding,
        extra=dict(extra or {}),
    )
    return _written(asdict(facts))


def with_extra(text: bytes, more: Mapping[str, Any]) -> bytes:
    """The same manifest with `more` in `extra`; what another release has put into it stays. Raises ValueError."""
    facts = json.loads(text)
    return _written({**facts, "extra": {**facts.get("extra", {}), **more}})


def read_manifest(text: bytes) -> Manifest:
    """Read a manifest of this release's form; what it says beyond that is passed over.

    Raises ValueError, in one sentence, for anything else.
    """
    try:
        return _FORM.validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError(f"this is no manifest of Landfall ({first_complaint(error)})") from None


def _written(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, default=_iso, sort_keys=True, indent=2) + "\n").encode("ascii")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
