"""Checks that files in a real S3 service are handed out by link, verified and pruned."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from landfall.exports.job import ExportJob
from landfall.storage.store import open_store
from tests import forked
from tests.cli.running import body
from tests.over_s3 import BUCKET, STORE, api_over_s3
from tests.planted_files import CONTENT, plant
from tests.services.swift import Swift, bucket_of_the_environment
from tests.stack import Stack

ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with bucket_of_the_environment(tmp_path_factory.mktemp("swift"), BUCKET) as service:
        yield service


@pytest.fixture(scope="module")
def api(swift: Swift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with api_over_s3(tmp_path_factory.mktemp("api"), swift) as stack:
        yield stack


@pytest.fixture(scope="module")
def stored(api: Stack) -> ExportJob:
    return plant(api.home, "exp_stored", store=STORE)


def path(job: ExportJob) -> str:
    return f"/v1/exports/{job.id}/file"


def landfall(api: Stack, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**api.environment, "LANDFALL_STORAGE_URL": STORE}
    return forked.run("cli", *words, folder=folder, env=env)


def test_a_get_is_sent_on_to_a_short_lived_link_that_nobody_keeps(api: Stack, swift: Swift, stored: ExportJob) -> None:
    answer = api.get(path(stored))
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["cache-control"] == "no-store"
    link = answer.headers["location"]
    assert link.startswith(f"{swift.endpoint}/landfall/files/")
    assert "X-Amz-Expires=300&" in link
    assert httpx.get(link, trust_env=False).content == CONTENT
    part = httpx.get(link, headers={"range": "bytes=3-"}, trust_env=False)
    assert (part.status_code, part.content) == (206, CONTENT[3:])


def test_a_head_is_answered_at_once(api: Stack, stored: ExportJob) -> None:
    answer = api.call("HEAD", path(stored))
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["content-length"], answer.headers["etag"]) == (str(len(CONTENT)), ETAG)


def test_a_file_that_the_client_has_needs_no_link(api: Stack, stored: ExportJob) -> None:
    answer = api.get(path(stored), headers={"if-none-match": ETAG})
    assert answer.status_code == 304
    assert "location" not in answer.headers


def test_a_file_that_is_gone_from_the_bucket_is_gone(api: Stack) -> None:
    job = plant(api.home, "exp_gone", store=STORE)
    assert job.artifact
    open_store(STORE).remove(job.artifact.uri)
    assert api.get(path(job)).status_code == 410


def test_fetch_saves_it_and_nobody_tells_the_link(api: Stack, stored: ExportJob, tmp_path: Path) -> None:
    ended = landfall(api, tmp_path, "fetch", stored.id, "--url", api.url)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "exp_stored.csv").read_bytes() == CONTENT
    assert "X-Amz" not in ended.stdout + ended.stderr + api.log("api")


def test_verify_reads_the_bucket_and_prune_empties_it(api: Stack, swift: Swift, tmp_path: Path) -> None:
    old = plant(api.home, "exp_old", days_ago=100, account="shop-ab", vendor="intelligems", store=STORE)
    assert old.artifact
    key = old.artifact.uri.removeprefix("s3://landfall/")
    assert body(landfall(api, tmp_path, "verify", old.id, "--json"))["rotten"] == []
    ended = landfall(api, tmp_path, "prune", "--older-than", "90d", "--account", "shop-ab", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert not {name for name in swift.objects("landfall") if name.startswith(key)}
    answer = api.get(path(old))
    assert answer.status_code == 410
    assert "removed by retention" in answer.json()["detail"]
