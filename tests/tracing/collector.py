"""Stands in for a collector: takes OTLP over HTTP and keeps each span that it is sent."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Written
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class Got:
    """A span as it came."""

    name: str
    service: str
    kind: str
    trace: str
    id: str
    parent: str
    failed: bool
    began: int
    ended: int
    told: dict[str, Any]
    links: list[tuple[str, str]]


@dataclass
class Collector:
    """What has come so far."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Got] = field(default_factory=list)
    status: int = 200

    @property
    def settings(self) -> dict[str, str]:
        """The variables that have a process send its spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-planted=PlantedCollectorToken",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def of(self, export_id: str) -> list[Got]:
        """The spans that name the export, and those below them, by when they began."""
        own = {span.id for span in self.spans if span.told.get("landfall.export.id") == export_id}
        found = [span for span in self.spans if span.id in own or span.parent in own]
        return sorted(found, key=lambda span: span.began)

    def ended(self, export_id: str) -> Got | None:
        """The span of the export's whole life, once it has come."""
        return next((span for span in self.of(export_id) if span.name == "export"), None)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.bodies.append(body)
        for resource in request.resource_spans:
            service = _told(resource.resource.attributes)["service.name"]
            self.spans += [_got(span, service) for scope in resource.scope_spans for span in scope.spans]


@contextmanager
def run_collector() -> Iterator[Collector]:
    """A collector that listens at a port of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if collector.status == 200:
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.port = server.server_address[1]
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        yield collector
        server.shutdown()
        serving.join()


def _got(span: Written, service: str) -> Got:
    return Got(
        name=span.name,
        service=service,
        kind=Written.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        told=_told(span.attributes),
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _told(attributes: Any) -> dict[str, Any]:
    every: list[KeyValue] = list(attributes)
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value") for each in every}
