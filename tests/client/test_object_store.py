"""Promises of a file in a real S3 service: the client follows the signed link as it stands, and nobody tells it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfall_client import AsyncLandfall, Landfall
from tests.asynchronous import run
from tests.over_s3 import BUCKET, STORE, api_over_s3
from tests.planted_files import CONTENT, plant
from tests.services.swift import KEY_ID, Swift, bucket_of_the_environment
from tests.stack import Stack


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with bucket_of_the_environment(tmp_path_factory.mktemp("swift"), BUCKET) as service:
        yield service


@pytest.fixture(scope="module")
def api(swift: Swift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with api_over_s3(tmp_path_factory.mktemp("api"), swift) as stack:
        plant(stack.home, "exp_stored", store=STORE)
        yield stack


def test_a_file_is_saved_and_read_by_its_signed_link(
    api: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "httpx", "httpcore"):  # another test may have had Landfall's log quieten these
        caplog.set_level(logging.DEBUG, logger)
    with Landfall(api.url, api.key) as client:
        export = client.export("exp_stored")
        assert export.save(tmp_path).read_bytes() == CONTENT
        assert [row["id"] for row in export.rows()] == ["1", "2", "3"]
    assert "Signature=…" in caplog.text  # a link was told, and masked
    assert KEY_ID not in caplog.text
    assert api.key not in caplog.text


def test_it_is_saved_with_await_too(api: Stack, tmp_path: Path) -> None:
    async def go() -> None:
        async with AsyncLandfall(api.url, api.key) as client:
            assert (await (await client.export("exp_stored")).save(tmp_path)).read_bytes() == CONTENT

    run(go())
