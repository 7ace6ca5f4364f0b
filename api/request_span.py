"""Tells a request that changes something as a span, and goes on in the trace that its caller names."""

from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus

from starlette.types import Scope

from landfall.exports.job import ExportJob
from landfall.exports.traceparent import Traceparent
from landfall.tracing import of_export, spans
from landfall.tracing.spans import Beginning, Kind, Span

# Who only reads makes no trace.
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MOST_LINKS = 128  # OTEL_SPAN_LINK_COUNT_LIMIT, unless it is set


class RequestSpan:
    """One request's place in a trace: the caller's, or one of our own where the request changes something."""

    def __init__(self, scope: Scope, given: list[bytes]) -> None:
        """Begin it; `given` are the traceparents among the headers, of which there should be one."""
        self._method = scope["method"]
        self._span = self._opened(Traceparent.read(given[0].decode("latin-1")) if len(given) == 1 else None)
        self._working = ExitStack()
        self._working.enter_context(spans.within(self._span))

    def _opened(self, above: Traceparent | None) -> Span:
        recorder = spans.recorder()
        if recorder is None or self._method not in _CHANGING:
            return Span(above)
        told = {"http.request.method": self._method}
        return recorder.open(Beginning(name=self._method, kind=Kind.SERVER, parent=above, told=told))

    def end(self, scope: Scope, status: int) -> None:
        """End it, by the template of the route, if one has the path; a status of 0 says that nothing was answered."""
        self._working.close()
        path = getattr(scope.get("route"), "path", None)
        if path:
            self._span.rename(f"{self._method} {path}")
        self._span.tell({"http.route": path, "http.response.status_code": status or None})
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._span.fail(str(status))
        self._span.end()


def origin() -> str | None:
    """The traceparent that an export keeps which the current request asks for."""
    place = spans.current().place
    return str(place) if place else None


def tell_of(job: ExportJob, *, new: bool = False) -> None:
    """Name the export that the current request is about; one that was there already is in another trace."""
    spans.current().tell(of_export.named(job))
    if not new:
        tell_of_many([job])


def tell_of_many(jobs: Sequence[ExportJob]) -> None:
    """Point from the current request to the traces of these exports, to as many as a span may point to."""
    span = spans.current()
    if spans.recorder() is None:
        return
    for job in jobs[:_MOST_LINKS]:
        if place := of_export.life(job).place:
            span.link(place)
