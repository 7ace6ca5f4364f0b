"""Serves the file of an export."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from api.auth import Reader
from api.finding import find_export
from api.refusals import NO_EXPORT, refusal
from api.services import Given
from api.stored_files import file_of
from api.strict_route import StrictRoute

_FORMS: dict[str, dict[str, str]] = {"text/csv": {}, "application/gzip": {}, "application/zstd": {}}

router = APIRouter(prefix="/v1/exports", tags=["exports"], route_class=StrictRoute)


@router.head("/{export_id}/file", include_in_schema=False)
@router.get(
    "/{export_id}/file",
    response_class=FileResponse,
    responses={
        200: {"content": _FORMS, "description": "The file; `ETag` is its SHA-256."},
        206: {"content": _FORMS, "description": "The one range that `Range` asked for."},
        304: {"description": "`If-None-Match` names this file."},
        307: {"description": "The file is in an object store; `Location` is good for five minutes."},
        **refusal(409, "The export is not stored."),
        **refusal(410, "The file was removed from the store."),
        416: {"description": "The file has no such range; `Content-Range` tells its size."},
        **refusal(503, "The store does not answer."),
        **NO_EXPORT,
    },
)
async def fetch(export_id: str, request: Request, caller: Reader, given: Given) -> Response:
    """The export's CSV, packed as it is stored; `Range`, `If-Range` and `If-None-Match` work where that is a folder."""
    return await file_of(request, given.store, await find_export(given, caller, export_id))
