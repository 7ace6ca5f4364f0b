"""Lets schemathesis ask everything that the OpenAPI document allows, and much that it does not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.beside import another_api
from tests.stack import Stack

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
# A stream has no end that could be waited for.
ENDLESS = "/v1/events"


@pytest.fixture(scope="module")
def patient(api: Stack) -> Iterator[Stack]:
    """An API that any number of requests may be sent to."""
    with another_api(api, LANDFALL_API_RATE_LIMIT="0", LANDFALL_API_WRONG_KEYS="0") as other:
        yield other


def explore(api: Stack, folder: Path, known: dict[str, str]) -> None:
    """Run schemathesis; `known` are ids for it to put into paths."""
    lines = ["[parameters]", *(f"{json.dumps(f'path.{name}')} = {json.dumps(value)}" for name, value in known.items())]
    (folder / "schemathesis.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"),
            *(f"{api.url}/v1/openapi.json", "--header", f"Authorization: Bearer {api.key}"),
            *("--checks", ",".join(CHECKS), "--exclude-path", ENDLESS),
            *("--max-examples", "15", "--generation-deterministic", "--continue-on-failure"),
            *("--suppress-health-check", "all", "--request-timeout", "30", "--no-color"),
        ],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "generated" in run.stdout


def test_whatever_is_asked_is_answered_as_documented_and_nothing_breaks(patient: Stack, tmp_path: Path) -> None:
    explore(patient, tmp_path, {})


def test_so_is_whatever_is_asked_of_things_that_are_there(patient: Stack, tmp_path: Path) -> None:
    batch = patient.post(
        "/v1/batches", json={"exports": [{"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}]}
    )
    assert batch.status_code == 202, batch.text
    known = {"export_id": patient.submit("shop-ab", 201), "batch_id": batch.json()["id"]}
    explore(patient, tmp_path, known)
