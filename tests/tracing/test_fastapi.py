"""Promises that FastAPI's own telemetry stays off, whoever switches it on around Landfall."""

import pytest

from api.main import create_app
from landfall.settings import Settings


def test_fastapi_tells_no_collector_of_queries_and_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider")
    app = create_app(Settings(), "redis://127.0.0.1:9")
    assert not app._native_telemetry.enabled()
    assert not app._telemetry["auto_configure"]
