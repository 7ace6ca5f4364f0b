"""Lets a Python be without the extra: of OpenTelemetry there is what FastAPI itself needs."""

import sys

for name in ("opentelemetry.sdk", "opentelemetry.exporter"):
    sys.modules[name] = None  # type: ignore[assignment]  # what Python takes for "it is not there"
