"""Checks that the API on Postgres, which takes less than SQLite does, answers what nobody can keep."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import NOWHERE
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox


@pytest.fixture
def api(tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    """An API over Postgres."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path / "home", vendors, settings={"LANDFALL_DATABASE_URL": postgres_url}) as stack:
        stack.start_api()
        yield stack


def test_text_that_postgres_cannot_keep_is_the_asker_s_mistake(api: Stack) -> None:
    def post(**more: Any) -> Any:
        # httpx writes no half of a surrogate pair itself.
        body, kind = json.dumps({**asked, **more}), {"content-type": "application/json"}
        return api.post("/v1/exports", content=body, headers=kind)

    asked = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}
    answers = {
        "id": api.get("/v1/exports/exp_%00"),
        "events": api.get("/v1/exports/exp_%00/events"),
        "account": api.get("/v1/exports?account=%00"),
        "vendor": api.get("/v1/exports?vendor=%00"),
        "label": api.get("/v1/exports?label=a:%00"),
        "NUL": post(labels={"a": "\0"}),
        "half a pair": post(labels={"a": "\ud800"}),
        "half a pair in the request": post(request={"report_type": "\ud800"}),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "id": 404,
        "events": 404,
        "account": 422,
        "vendor": 422,
        "label": 422,
        "NUL": 422,
        "half a pair": 422,
        "half a pair in the request": 422,
    }
