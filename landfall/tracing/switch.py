"""Switches tracing on where the standard OTEL_ variables ask for it, and off at the end."""

import logging
import os
import socket
from collections.abc import Mapping
from uuid import uuid4

from landfall import __version__
from landfall.log import get_logger
from landfall.tracing import spans

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_EXPORTERS = frozenset({"otlp", "console"})
# They write down the query of the endpoint, and headers that they cannot read: either may hold a token.
_SILENT = ("opentelemetry.exporter", "opentelemetry.util.re", "urllib3")
_SPOKEN = "http/protobuf"
_LAST_SECONDS = 2.0
_log = get_logger(__name__)


def switch_on(process: str, environ: Mapping[str, str]) -> None:
    """Trace this process ("api" or "worker"), unless nothing in the environment asks for it.

    Nothing that is wrong there keeps the process from its work: a line of the log says what it is.
    """
    wanted = _wanted(environ)
    if not wanted:
        return
    if why := _refused(wanted, environ):
        _log.warning("no traces are sent", reason=why)
        return
    try:
        from landfall.tracing.sdk import Sdk  # noqa: PLC0415 - an extra: most have none, and it takes 0.2 s to load
    except ImportError as error:
        why = f"OpenTelemetry's SDK is not there ({error.name}); install it with `pip install 'landfall[otel]'`"
        _log.warning("no traces are sent", reason=why)
        return
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        spans.record_by(Sdk(sorted(wanted), _resource(process)))
    except Exception:  # noqa: BLE001 - it loads what variables name; its text may hold the value of one
        _log.warning("no traces are sent", reason="OpenTelemetry refuses a value among the OTEL_ variables; check them")
        return
    _log.info("traces are sent", exporters=sorted(wanted))


def switch_off() -> None:
    """Send what is left, for two seconds at most, and trace no more."""
    if recorder := spans.recorder():
        spans.record_by(None)
        recorder.close(_LAST_SECONDS)


def _wanted(environ: Mapping[str, str]) -> set[str]:
    """The exporters that are asked for: where none is named, OTLP if it has an endpoint."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return set()
    usual = "otlp" if _first(environ, _ENDPOINTS) else "none"
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip() or usual
    return {name.strip() for name in named.split(",")} - {"none", ""}


def _refused(wanted: set[str], environ: Mapping[str, str]) -> str | None:
    """What of the environment cannot be done, in one sentence."""
    if unknown := wanted - _EXPORTERS:
        return f"OTEL_TRACES_EXPORTER names {', '.join(sorted(unknown))}; known are otlp and console"
    protocol = _first(environ, _PROTOCOLS) or _SPOKEN
    if "otlp" in wanted and protocol != _SPOKEN:
        return f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}; only {_SPOKEN} is spoken, mostly at port 4318"
    if not all("=" in each for each in _first(environ, _HEADERS).split(",") if each.strip()):
        return "OTEL_EXPORTER_OTLP_HEADERS cannot be read; write it as name=value,name=value"
    return None


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")


def _resource(process: str) -> dict[str, str | int]:
    return {
        "service.name": f"landfall-{process}",
        "service.version": __version__,
        "service.instance.id": str(uuid4()),
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
