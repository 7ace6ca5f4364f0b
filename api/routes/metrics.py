"""Serves /metrics."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from api.auth import Reader
from api.scrape import Scrape
from api.strict_route import StrictRoute

router = APIRouter(tags=["health"], route_class=StrictRoute)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, caller: Reader) -> Response:
    """Metrics in Prometheus' text format; a key that is limited to accounts gets what belongs to these."""
    scrape: Scrape = request.app.state.scrape
    text = await scrape.text(None if caller.accounts is None else caller.sees)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
