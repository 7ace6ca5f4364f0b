"""Serves the page that lists the API and tries it out, and the document that it reads."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.auth import Reader
from api.pages.forms import PageRoute
from api.pages.rendering import page

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/docs")
async def show(request: Request, _: Reader) -> Response:
    """Swagger UI, from our own origin."""
    return page(request, "docs.html")


@router.get("/docs/openapi.json")
async def describe(request: Request, _: Reader) -> dict[str, Any]:
    """The API's document, to whoever is logged in: /v1 answers to keys alone."""
    document: dict[str, Any] = request.app.openapi()
    return document
