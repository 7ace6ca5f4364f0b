"""Records spans by OpenTelemetry's SDK: the one module that knows it, loaded only where tracing is on."""

import threading
from collections.abc import Iterable, Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as RecordedSpan
from opentelemetry.trace.status import StatusCode

from landfall import __version__
from landfall.exports.traceparent import Traceparent
from landfall.log import get_logger
from landfall.tracing.spans import Beginning, Kind, Span, Told

_EXPORTERS = {"otlp": OTLPSpanExporter, "console": ConsoleSpanExporter}
_KINDS = {kind: SpanKind[kind.name] for kind in Kind}
_log = get_logger(__name__)


class Sdk:
    """Samples, batches and sends as the standard OTEL_ variables say."""

    def __init__(self, exporters: Iterable[str], resource: Mapping[str, str | int]) -> None:
        """Send by exporters of these names; of `resource` counts what the environment says nothing of.

        Raises ValueError where a variable is wrong.
        """
        self._ids = _Ids()
        given = OTELResourceDetector().detect().attributes
        ours = {name: value for name, value in resource.items() if name not in given}
        self._provider = TracerProvider(
            resource=Resource.create(ours),
            id_generator=self._ids,
            shutdown_on_exit=False,  # it may take half a minute
        )
        for name in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(_Watched(_EXPORTERS[name]())))
        self._tracer = self._provider.get_tracer("landfall", __version__)

    def open(self, beginning: Beginning) -> Span:
        """Begin a span; one that the sampler leaves out records nothing."""
        self._ids.named = beginning.own
        try:
            span = self._tracer.start_span(
                beginning.name,
                _below(beginning.parent),
                _KINDS[beginning.kind],
                _known(beginning.told),
                start_time=beginning.at,
            )
        finally:
            self._ids.named = None
        place = _place(span.get_span_context())
        return _Recorded(span, place) if span.is_recording() else Span(place)

    def samples(self, trace_id: str) -> bool:
        """Whether a trace of this id is recorded, which nobody has decided yet."""
        found = self._provider.sampler.should_sample(None, int(trace_id, 16), "export")
        return found.decision is Decision.RECORD_AND_SAMPLE

    def close(self, seconds: float) -> None:
        """Send what is left, for so long at most."""
        # Its own shutdown waits for half a minute for a collector that is away.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(seconds)


class _Recorded(Span):
    """A span that is told of."""

    __slots__ = ("_span",)

    def __init__(self, span: RecordedSpan, place: Traceparent) -> None:
        super().__init__(place)
        self._span = span

    def tell(self, told: Told) -> None:
        self._span.set_attributes(_known(told))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def link(self, place: Traceparent) -> None:
        self._span.add_link(_context(place))

    def fail(self, why: str) -> None:
        self._span.set_attribute("error.type", why)
        self._span.set_status(StatusCode.ERROR)

    def end(self, at: int | None = None) -> None:
        self._span.end(at)


class _Watched(SpanExporter):
    """Sends, and tells the log once that it fails, and once that it works again: the exporter itself is silent."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever it is, and its text may hold the address
            self._note(type(error).__name__)
            return SpanExportResult.FAILURE
        self._note(None if result is SpanExportResult.SUCCESS else "the collector cannot be reached, or refuses them")
        return result

    def _note(self, reason: str | None) -> None:
        if reason and not self._fails:
            _log.warning("traces cannot be sent; exports go on", reason=reason)
        elif self._fails and not reason:
            _log.info("traces are sent again")
        self._fails = reason is not None

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _Ids(threading.local, IdGenerator):
    """Random ids, save where a span's are known beforehand."""

    named: Traceparent | None = None

    def __init__(self) -> None:
        super().__init__()
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        return int(self.named.span_id, 16) if self.named else self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        return int(self.named.trace_id, 16) if self.named else self._random.generate_trace_id()


def _below(parent: Traceparent | None) -> Context:
    return set_span_in_context(NonRecordingSpan(_context(parent)), Context()) if parent else Context()


def _context(place: Traceparent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), is_remote=True, trace_flags=flags)


def _place(context: SpanContext) -> Traceparent:
    return Traceparent(
        format_trace_id(context.trace_id), format_span_id(context.span_id), sampled=context.trace_flags.sampled
    )


def _known(told: Told) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in told.items() if value is not None}
