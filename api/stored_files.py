"""Answers with the file of an export: from a folder, through a signed link, or from an object store."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from api.file_response import StoredFile, is_held_already
from api.problems import ProblemError
from landfall.exports.errors import StorageUnavailable
from landfall.exports.job import Artifact, ExportJob
from landfall.storage.encodings import file_name, media_type
from landfall.storage.store import ArtifactMissing, Store

_LINK_SECONDS = 300
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of this size can be had: on this machine, under a signed link, or through the store alone."""

    size: int
    path: Path | None = None
    stat: os.stat_result | None = None
    link: str | None = None
    chunks: Iterator[bytes] | None = None


async def file_of(request: Request, store: Store, job: ExportJob) -> Response:
    """The export's file, packed as it is stored. Raises ProblemError where there is none, or it cannot be reached."""
    artifact = _artifact(job)
    # A link that is signed for GET takes no HEAD: that is answered here.
    place = await asyncio.to_thread(look_up, store, artifact, read=request.method == "GET")
    headers = {"etag": f'"{artifact.sha256}"', "cache-control": "private, no-cache"}
    if is_held_already(request.headers, headers["etag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return answer(job, place, headers)


def _artifact(job: ExportJob) -> Artifact:
    if job.artifact is None:
        raise ProblemError(HTTPStatus.CONFLICT, f"the export is {job.state}; its file is there once it is stored")
    if job.artifact.removed_at:
        when = f"{job.artifact.removed_at:%Y-%m-%d %H:%M:%SZ}"
        raise ProblemError(HTTPStatus.GONE, f"the file was removed by retention on {when}; submit the export again")
    return job.artifact


def look_up(store: Store, artifact: Artifact, *, read: bool) -> Place:
    """Find the file. Raises ProblemError where it is gone, is not what was published, or cannot be reached."""
    try:
        place = _place(store, artifact.uri, read=read)
    except (ArtifactMissing, FileNotFoundError):
        raise ProblemError(
            HTTPStatus.GONE, f"{artifact.uri} is no longer in the store; submit the export again, without reuse"
        ) from None
    except (StorageUnavailable, OSError):
        detail = "the store cannot be reached now; try again"
        retry = {"retry-after": str(_RETRY_SECONDS)}
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry) from None
    if place.size != artifact.bytes:
        detail = f"{artifact.uri} has {place.size} bytes, {artifact.bytes} were published; `landfall verify` tells more"
        raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
    return place


def _place(store: Store, uri: str, *, read: bool) -> Place:
    if path := store.local_path(uri):
        stat = path.stat()
        return Place(stat.st_size, path, stat)
    size = store.stat(uri)
    if size is None:
        raise ArtifactMissing(uri)
    if not read:
        return Place(size)
    link = store.signed_url(uri, _LINK_SECONDS)
    return Place(size, link=link) if link else Place(size, chunks=store.open(uri))


def answer(job: ExportJob, place: Place, headers: dict[str, str]) -> Response:
    """The answer with the file at its place."""
    uri = _artifact(job).uri
    name, kind = file_name(job.id, uri), media_type(uri)
    if place.path and place.stat:
        return StoredFile(place.path, place.stat, headers=headers, media_type=kind, filename=name)
    if place.link:
        return RedirectResponse(place.link, headers={"cache-control": "no-store"})
    headers |= {"content-length": str(place.size), "content-disposition": f'attachment; filename="{name}"'}
    if place.chunks is None:
        return Response(headers=headers, media_type=kind)
    return StreamingResponse(place.chunks, headers=headers, media_type=kind)
