"""Tells of accounts whose files are packed at rest or get a Parquet copy, from the request to retention."""

import csv
import gzip
import hashlib
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import zstandard

from landfall.storage.manifest import MANIFEST
from tests.cli.running import landfall
from tests.stack import ROOT, Stack, until
from tests.story.store_watch import manifest, stored

PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda content: content,
    "gzip": gzip.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
}
FORMS = {
    "identity": (".csv", "text/csv"),
    "gzip": (".csv.gz", "application/gzip"),
    "zstd": (".csv.zst", "application/zstd"),
}


@contextmanager
def worker(stack: Stack, *settings: str, **environment: str) -> Iterator[None]:
    """A worker whose shop-bwp has these settings, too."""
    with stack.changed(*settings):
        stack.start("worker", **environment)
        yield


def run(stack: Stack, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return landfall(folder, *words, env={**stack.environment, "LANDFALL_URL": stack.url})


def rot(stack: Stack, folder: Path, export_id: str) -> list[str]:
    """What `landfall verify` finds."""
    rotten = json.loads(run(stack, folder, "verify", export_id, "--json").stdout)["rotten"]
    return [finding["rot"] for each in rotten for finding in each["findings"]]


@pytest.mark.parametrize("at_rest", ["gzip", pytest.param("zstd", marks=pytest.mark.slow)])
def test_a_packed_file_is_stored_served_fetched_and_verified_as_it_lies(
    stack: Stack, tmp_path: Path, at_rest: str
) -> None:
    ending, kind = FORMS[at_rest]
    stack.sandbox.fault("download_dropped", after_bytes=20_000)
    with worker(stack, f'at_rest = "{at_rest}"'):
        export, path = stored(stack, stack.submit(force=True))
    body, plain = path.read_bytes(), PLAIN[at_rest](path.read_bytes())
    (report,) = stack.sandbox.reports()
    assert path.name == export["id"] + ending
    assert hashlib.sha256(plain).hexdigest() == report["sha256"]
    assert export["file"]["rows"] == report["rows"]
    assert (export["file"]["bytes"], export["file"]["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert stack.files(export["id"]) == [str(path.relative_to(stack.home / "files"))]

    answer = stack.get(f"/v1/exports/{export['id']}/file")
    assert answer.content == body
    assert answer.headers["content-type"] == kind
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-disposition"] == f'attachment; filename="{path.name}"'

    assert run(stack, tmp_path, "fetch", export["id"]).returncode == 0
    assert run(stack, tmp_path, "fetch", export["id"], "-o", "mine").returncode == 0
    (tmp_path / "folder").mkdir()
    assert run(stack, tmp_path, "fetch", export["id"], "-o", "folder").returncode == 0
    for name in (path.name, "mine", f"folder/{path.name}"):
        assert (tmp_path / name).read_bytes() == body

    assert rot(stack, tmp_path, export["id"]) == []
    path.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    assert rot(stack, tmp_path, export["id"]) == ["checksum", "rows"]


@pytest.mark.parametrize(
    "at_rest",
    [pytest.param("identity", marks=pytest.mark.slow), pytest.param("gzip", marks=pytest.mark.slow), "zstd"],
)
def test_a_parquet_copy_comes_with_its_file_and_goes_with_it(stack: Stack, tmp_path: Path, at_rest: str) -> None:
    with worker(stack, f'at_rest = "{at_rest}"', "parquet = true"):
        export, path = stored(stack, stack.submit(force=True))
    plain = PLAIN[at_rest](path.read_bytes())
    copy = path.with_name(f"{export['id']}.parquet")
    records = list(csv.reader(io.StringIO(plain.decode("utf-8-sig"), newline="")))
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet($1)", [str(copy)])
        assert [[column[0] for column in found.description], *map(list, found.fetchall())] == records
    assert json.loads(path.with_name(path.name + MANIFEST).read_bytes())["extra"]["parquet"] == str(
        copy.relative_to(stack.home / "files")
    )
    assert list((stack.home / "tmp").iterdir()) == []
    assert len(stack.files(export["id"])) == 2

    assert rot(stack, tmp_path, export["id"]) == []
    copy.write_bytes(copy.read_bytes() + b"x")
    assert rot(stack, tmp_path, export["id"]) == ["copy"]
    copy.unlink()
    assert rot(stack, tmp_path, export["id"]) == ["copy"]
    copy.write_bytes(b"restored")
    assert run(stack, tmp_path, "prune", "--account", "shop-bwp", "--keep", "0", "--yes").returncode == 0
    assert list((stack.home / "files").rglob(f"*{export['id']}*")) == []


def test_a_copy_that_can_never_be_made_costs_nothing_but_itself(stack: Stack, tmp_path: Path) -> None:
    stack.sandbox.fault("odd_body", body="carriage_return")
    with worker(stack, "parquet = true"):
        export, path = stored(stack, stack.submit(force=True))
    (told,) = [event for event in stack.events(export["id"]) if event["kind"] == "no parquet copy"]
    assert (told["state"], told["error"]["code"]) == ("stored", "copy_refused")
    assert "parquet = false" in told["error"]["action"]
    assert [report["downloads"] for report in stack.sandbox.reports()] == [1]
    assert stack.files(export["id"]) == [str(path.relative_to(stack.home / "files"))]
    assert manifest(path)["extra"] == {}
    assert rot(stack, tmp_path, export["id"]) == []
    shown = run(stack, tmp_path, "show", export["id"]).stdout
    (line,) = [line for line in shown.splitlines() if "no parquet copy" in line]
    assert told["error"]["message"] in line
    assert told["error"]["action"] in line


def test_a_copy_that_fails_for_a_while_is_made_without_a_second_download(stack: Stack) -> None:
    workspace = stack.home / "tmp"
    if workspace.exists():
        workspace.rmdir()
    workspace.write_bytes(b"in the way")

    def refused() -> list[Path] | None:
        """The published files, once an attempt has failed."""
        error = stack.show(id_)["error"]
        return list((stack.home / "files").rglob(f"*{id_}*")) if error else None

    with worker(stack, "parquet = true"):
        id_ = stack.submit(force=True)
        try:
            published = until(refused, "a failed attempt")
        finally:
            workspace.unlink()
        export = stack.wait_for(id_, "stored", "failed")
    assert sorted(path.name for path in published) == [f"{id_}.csv", f"{id_}.csv{MANIFEST}"]
    assert export["state"] == "stored"
    assert len(stack.files(id_)) == 2
    codes = {event["error"]["code"] for event in stack.events(id_) if event["error"]}
    assert codes == {"storage_unavailable"}
    assert [report["downloads"] for report in stack.sandbox.reports()] == [1]


def test_without_duckdb_the_worker_does_not_start_and_says_how_to_get_it(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\n\nsys.modules['duckdb'] = None\n")
    before = stack.log("worker") if (stack.home / "worker.log").exists() else ""
    with worker(stack, "parquet = true", PYTHONPATH=f"{tmp_path}:{ROOT}"):
        assert stack.processes[-1].wait(30) == 1
    assert stack.log("worker").removeprefix(before).splitlines()[-1] == (
        "landfall worker: accounts.shop-bwp.parquet: the Parquet copy needs DuckDB; "
        "install it with `pip install 'landfall[parquet]'` or set it to false."
    )
