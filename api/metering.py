"""Counts the API's own requests, for Prometheus."""

from time import perf_counter

from fastapi import FastAPI
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# The many others that a server lets through (RFC 4918 and on) share a label.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOWHERE = "none"
_BROKEN = 500


class RequestMetrics:
    """Requests by route and status, and how long their answers took to begin: a stream may go on for hours."""

    def __init__(self) -> None:
        """Count from zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves it open
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "landfall_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "landfall_http_request_seconds",
            "From a request to the beginning of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request, by the template of its route."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", _NOWHERE)
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> str:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry).decode()


class Metering:
    """Middleware that counts what passes through it."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        """Count into `metrics`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, and count it when its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = perf_counter(), False

        async def count_and_send(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._metrics.answered(scope, message["status"], perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, count_and_send)
        except Exception:
            if not answered:
                self._metrics.answered(scope, _BROKEN, perf_counter() - began)
            raise


def install(app: FastAPI) -> RequestMetrics:
    """Count every request of the app."""
    metrics = RequestMetrics()
    app.add_middleware(Metering, metrics=metrics)
    return metrics
