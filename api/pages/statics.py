"""Serves the files that pages load, to anybody: they are public code, and what they look like."""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers

from api.file_response import is_held_already
from api.problems import ProblemError

_ROOT = Path(__file__).parent / "static"
_PREFIX = "/static/"
_PACKED = ".gz"
# Everything else in the folder is nobody's: lists, notes, an editor's leavings.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_DIGEST_DIGITS = 16
_CHUNK_BYTES = 64 << 10
# The address changes with the file, so that whoever has it may keep it.
_KEPT = "public, max-age=31536000, immutable"
_ASKED_FOR_AGAIN = "public, no-cache"
_UNLIKED = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Static:
    """A file, gzipped: in memory, or on the disk where it is stored so because it is large."""

    packed: bytes | Path
    packed_size: int
    size: int
    digest: str
    media_type: str


def is_open(path: str) -> bool:
    """Whether an address is of this module, which answers without a key."""
    return path.startswith(_PREFIX)


def static_url(name: str) -> str:
    """The address of a file by its path in the folder `static`, such as `vendor/htmx.min.js`.

    Raises LookupError where there is none. Of a file that is stored packed the name goes without .gz.
    """
    found = _statics().get(name)
    if found is None:
        raise LookupError(f"there is no file {name!r} in api/pages/static; there are {', '.join(_statics())}")
    return f"{_PREFIX}{name}?v={found.digest}"


async def serve(request: Request) -> Response:
    """The file; under an address that `static_url` wrote it need never be asked for again."""
    found = _statics().get(request.path_params["name"])
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no page loads a file of this name")
    packed = _takes_gzip(request.headers)
    # During a rolling restart the other release's address comes here: what there is serves, but is not kept as it.
    kept = request.query_params.get("v") == found.digest
    headers = {
        "cache-control": _KEPT if kept else _ASKED_FOR_AGAIN,
        "etag": f'"{found.digest}-gzip"' if packed else f'"{found.digest}"',
        "vary": "accept-encoding",
    }
    if is_held_already(request.headers, headers["etag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["content-length"] = str(found.packed_size if packed else found.size)
    if packed:
        headers["content-encoding"] = "gzip"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=found.media_type)
    return StreamingResponse(_chunks(found, packed=packed), headers=headers, media_type=found.media_type)


# No route of the API: it takes no caller, and of its query it reads what it knows.
router.add_route(_PREFIX + "{name:path}", serve, methods=["GET"])


def _takes_gzip(headers: Headers) -> bool:
    for each in ",".join(headers.getlist("accept-encoding")).split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        if name in {"gzip", "*"}:
            return not _UNLIKED.intersection(parameters)
    return False


def _chunks(found: _Static, *, packed: bool) -> Iterator[bytes]:
    with BytesIO(found.packed) if isinstance(found.packed, bytes) else found.packed.open("rb") as stored:
        file = stored if packed else gzip.GzipFile(fileobj=stored)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


@cache
def _statics() -> Mapping[str, _Static]:
    """Every file by its name. They are read once: whoever works on them starts the API again."""
    files = sorted(path for path in _ROOT.rglob("*") if path.is_file())
    names = {path: path.relative_to(_ROOT).as_posix().removesuffix(_PACKED) for path in files}
    found = {
        name: _static(path, Path(name).suffix) for path, name in names.items() if Path(name).suffix in _MEDIA_TYPES
    }
    return MappingProxyType(found)


def _static(path: Path, suffix: str) -> _Static:
    stored = path.read_bytes()
    media_type, digest = _MEDIA_TYPES[suffix], sha256(stored).hexdigest()[:_DIGEST_DIGITS]
    if path.suffix != _PACKED:
        packed = gzip.compress(stored, mtime=0)
        return _Static(packed, len(packed), len(stored), digest, media_type)
    # RFC 1952, 2.3.1: the last four bytes tell the size of what is packed.
    return _Static(path, len(stored), int.from_bytes(stored[-4:], "little"), digest, media_type)
