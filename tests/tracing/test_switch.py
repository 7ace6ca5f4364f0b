"""Promises of tracing that is off, lacks its extra, is set up wrongly, or has a collector that is away."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from landfall.tracing import spans, switch
from tests.free_port import free_port
from tests.stack import ROOT, Stack, run_stack, until
from tests.tracing.collector import run_collector
from tests.tracing.test_story import FROM_CALLER, TRACE, submit
from tests.vendors.sandbox_process import Sandbox

WITHOUT_EXTRA = f"{Path(__file__).parent / 'without_extra'}:{ROOT}"


@pytest.fixture
def bare(tmp_path: Path, sandbox: Sandbox) -> Iterator[Stack]:
    """A home of which nothing runs yet."""
    sandbox.reset()
    with run_stack(tmp_path / "home", sandbox) as stack:
        yield stack


def lines(stack: Stack, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stack.log(name).splitlines() if line.startswith("{")]


def test_without_tracing_the_callers_trace_is_kept_and_named_in_the_log(bare: Stack) -> None:
    bare.start_api()
    bare.start("worker")
    known, unknown = submit(bare, number=1), submit(bare, number=2, headers={"traceparent": "00-abc-def-01"})
    for id_ in (known, unknown):
        bare.wait_for(id_, "stored")
    bare.stop()
    with closing(sqlite3.connect(bare.home / "landfall.db")) as database:
        rows = dict(database.execute("SELECT id, traceparent FROM exports").fetchall())
    assert rows == {known: FROM_CALLER["traceparent"], unknown: None}
    steps = [line for line in lines(bare, "worker") if line["event"] == "step"]
    assert {line.get("trace_id") for line in steps if line["export"] == known} == {TRACE}
    assert {line.get("trace_id") for line in steps if line["export"] == unknown} == {None}
    asked = [line.get("trace_id") for line in lines(bare, "api") if line.get("method") == "POST"]
    assert asked == [TRACE, None]
    assert not [line for line in lines(bare, "worker") if "traces" in line["event"]]


@pytest.mark.parametrize(
    ("process", "spared"), [("api", ("opentelemetry.sdk", "opentelemetry.exporter")), ("worker", ("opentelemetry",))]
)
def test_without_tracing_nothing_of_the_extra_is_loaded(process: str, spared: tuple[str, ...]) -> None:
    # FastAPI itself loads OpenTelemetry's API.
    looking = f"import sys, {process}.__main__; print(any(name.startswith({spared}) for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", looking],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_without_the_extra_exports_land_and_the_log_says_what_is_missing(bare: Stack) -> None:
    asked = {"PYTHONPATH": WITHOUT_EXTRA, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    bare.start_api(**asked)
    bare.start("worker", **asked)
    bare.wait_for(bare.submit(), "stored")
    bare.stop()
    for name in ("api", "worker"):
        (said,) = (line["reason"] for line in lines(bare, name) if line["event"] == "no traces are sent")
        assert "install it with `pip install 'landfall[otel]'`" in said


@pytest.mark.slow
def test_a_collector_that_is_away_holds_up_no_export_and_its_address_is_not_logged(bare: Stack) -> None:
    asked = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://me:PlantedWord@127.0.0.1:{free_port()}/x?k=PlantedQuery",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=PlantedToken,odd PlantedName=1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    bare.start_api(**asked)
    bare.start("worker", **asked)
    bare.wait_for(bare.submit(), "stored")
    until(lambda: "traces cannot be sent" in bare.log("worker"), "that it says so")
    bare.wait_for(bare.submit(number=2), "stored")
    bare.stop()
    for name in ("api", "worker"):
        assert sum("traces cannot be sent" in line["event"] for line in lines(bare, name)) == 1
        assert "Planted" not in bare.log(name)
        assert not [line for line in lines(bare, name) if line["logger"].startswith(("urllib3", "opentelemetry"))]


@pytest.mark.slow
def test_a_collector_that_comes_back_gets_what_is_told_then_and_the_log_says_so(bare: Stack) -> None:
    with run_collector() as collector:
        collector.status = 400
        bare.start("worker", **collector.settings)
        bare.start_api()
        bare.wait_for(bare.submit(), "stored")
        until(lambda: "traces cannot be sent" in bare.log("worker"), "that it says so")
        collector.status = 200
        id_ = bare.submit(number=2)
        bare.wait_for(id_, "stored")
        until(lambda: collector.ended(id_), "the end of the second export")
        until(lambda: "traces are sent again" in bare.log("worker"), "that it says so")
        # The API traces nothing, so that the worker has begun the trace by itself.
        assert {span.trace for span in collector.of(id_)} != {""}
        assert len({span.trace for span in collector.of(id_)}) == 1
        bare.stop()


@pytest.mark.slow
def test_a_process_that_ends_sends_what_is_left(bare: Stack) -> None:
    with run_collector() as collector:
        settings = collector.settings | {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        bare.start_api()
        bare.start("worker", **settings)
        id_ = bare.submit()
        bare.wait_for(id_, "stored")
        assert collector.spans == []
        bare.stop()
        assert collector.ended(id_)


@pytest.mark.slow
def test_the_sampler_decides_alike_in_every_process_for_what_nobody_else_has_decided(bare: Stack) -> None:
    with run_collector() as collector:
        settings = collector.settings | {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
        bare.start_api()
        for _ in range(2):
            bare.start("worker", **settings)
        ids = [bare.submit(account, number) for account in ("shop-ab", "shop-bwp") for number in range(5)]
        for id_ in ids:
            bare.wait_for(id_, "stored")
        bare.stop()
        for id_ in ids:
            names = {span.name for span in collector.of(id_)}
            assert not names or {"export", "start", "download"} <= names


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER names zipkin; known are otlp and console"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; only http/protobuf is spoken, mostly at port 4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_HEADERS": "PlantedToken"},
            "OTEL_EXPORTER_OTLP_HEADERS cannot be read; write it as name=value,name=value",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_MAX_QUEUE_SIZE": "-1"},
            "OpenTelemetry refuses a value among the OTEL_ variables; check them",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "nowhere"},
            "OpenTelemetry refuses a value among the OTEL_ variables; check them",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence_and_the_process_goes_on(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(switch, "_log", _Log(written))
    switch.switch_on("worker", os.environ)
    assert written == [said]
    assert spans.recorder() is None


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"},
        {"OTEL_EXPORTER_OTLP_HEADERS": "a=b"},
    ],
)
def test_tracing_stays_off_where_nothing_asks_for_it(environ: dict[str, str]) -> None:
    switch.switch_on("worker", environ)
    assert spans.recorder() is None


class _Log:
    """What a logger was told."""

    def __init__(self, written: list[str]) -> None:
        self._written = written

    def warning(self, _event: str, *, reason: str) -> None:
        self._written.append(reason)
