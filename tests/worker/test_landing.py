"""Promises of how a fetched file gets into the store: packed or not, it is proven as it came and told as it lies there."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from landfall.exports.errors import ExportError, ProofFailed, TransferBroken
from landfall.exports.job import Artifact
from landfall.net.carrier import Carrier
from landfall.storage.disk import DiskStore
from landfall.storage.encodings import Encoding
from landfall.vendors.vendor import Link
from tests.asynchronous import run
from tests.exports.jobs import make_job
from tests.worker.fetching import QUICK, account
from tests.worker.file_server import FileServer, Script, honest, whole
from worker.landing import Landing
from worker.transfer.course import Whole
from worker.transfer.fetch import Transfer
from worker.transfer.patience import Patience

CONTENT = b"id,amount\n" + b"".join(b"%05d,%d\n" % (number, number * 7) for number in range(200_000))
OPENED: dict[Encoding, Callable[[bytes], bytes]] = {
    "identity": lambda content: content,
    "gzip": gzip.decompress,
    "zstd": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
}
ENDINGS: dict[Encoding, str] = {"identity": "", "gzip": ".gz", "zstd": ".zst"}
EVERY = pytest.mark.parametrize("at_rest", list(OPENED))
JOB = make_job(report_id="r")


async def land(
    store: DiskStore, at_rest: Encoding, *scripts: Script, patience: Patience = QUICK
) -> tuple[Artifact, list[str | None]]:
    """Fetch, prove and publish; the ranges that were asked for come along."""
    landing = await Landing.open(store, "a/exp_1.csv", JOB, reserve=0, at_rest=at_rest)
    try:
        async with FileServer(*scripts) as server, Carrier() as carrier, Carrier(public_only=True) as public:
            transfer = Transfer(account(), carrier, public, patience=patience)
            landing.prove(await transfer.fetch(Link(f"{server.url}/r.csv", datetime.now(UTC)), landing))
            artifact = await landing.publish(JOB)
            return artifact, [asked.headers.get("range") for asked in server.asked]
    finally:
        await landing.close()


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@EVERY
def test_the_artifact_tells_the_file_as_it_lies_there_and_the_csv_in_it(tmp_path: Path, at_rest: Encoding) -> None:
    artifact, _ = run(land(DiskStore(tmp_path), at_rest, honest(CONTENT)))
    name = f"a/exp_1.csv{ENDINGS[at_rest]}"
    stored = (tmp_path / name).read_bytes()
    assert files(tmp_path) == [name, f"{name}.manifest.json"]
    assert OPENED[at_rest](stored) == CONTENT
    assert artifact.uri.endswith(f"/{name}")
    assert (artifact.bytes, artifact.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert (artifact.rows, artifact.columns, artifact.empty) == (200_000, ("id", "amount"), False)
    told = json.loads((tmp_path / f"{name}.manifest.json").read_bytes())
    assert {key: told[key] for key in ("bytes", "sha256", "rows", "encoding")} == {
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "rows": 200_000,
        "encoding": at_rest,
    }
    plain = {"plain_bytes": len(CONTENT), "plain_sha256": hashlib.sha256(CONTENT).hexdigest()}
    assert told["extra"] == ({} if at_rest == "identity" else plain)


@EVERY
def test_a_body_that_breaks_off_goes_on_within_the_fetch(tmp_path: Path, at_rest: Encoding) -> None:
    offset = len(CONTENT) // 2 + 7
    artifact, ranges = run(land(DiskStore(tmp_path), at_rest, honest(CONTENT, upto=offset), honest(CONTENT)))
    assert ranges == [None, f"bytes={offset}-"]
    assert OPENED[at_rest]((tmp_path / "a" / artifact.uri.rpartition("/")[2]).read_bytes()) == CONTENT


@EVERY
def test_a_body_of_which_no_rest_is_given_begins_again(tmp_path: Path, at_rest: Encoding) -> None:
    artifact, _ = run(land(DiskStore(tmp_path), at_rest, honest(CONTENT, upto=1_500_000), whole(CONTENT)))
    assert OPENED[at_rest]((tmp_path / "a" / artifact.uri.rpartition("/")[2]).read_bytes()) == CONTENT


@EVERY
def test_only_a_plain_part_is_resumed_by_the_next_attempt(tmp_path: Path, at_rest: Encoding) -> None:
    store, offset = DiskStore(tmp_path), 1_500_000
    once = Patience(connect=5.0, silence=5.0, window=60.0, pauses=())
    with pytest.raises(TransferBroken):
        run(land(store, at_rest, honest(CONTENT, upto=offset), patience=once))
    _, ranges = run(land(store, at_rest, honest(CONTENT)))
    assert ranges == ([f"bytes={offset}-"] if at_rest == "identity" else [None])
    assert len(files(tmp_path)) == 2


@EVERY
def test_what_is_not_proven_is_not_published(tmp_path: Path, at_rest: Encoding) -> None:
    with pytest.raises(ProofFailed):
        run(land(DiskStore(tmp_path), at_rest, whole(CONTENT + b'"1,')))
    assert [name for name in files(tmp_path) if not name.startswith(".parts")] == []


@EVERY
def test_a_wrong_checksum_is_that_of_the_plain_file(tmp_path: Path, at_rest: Encoding) -> None:
    async def prove(announced: bytes) -> None:
        landing = await Landing.open(DiskStore(tmp_path), "a.csv", JOB, reserve=0, at_rest=at_rest)
        await landing.begin(None, {"md5"})
        await landing.keep(CONTENT)
        try:
            landing.prove(Whole(len(CONTENT), {"md5": hashlib.md5(announced, usedforsecurity=False).digest()}, None))
        finally:
            await landing.close()

    run(prove(CONTENT))
    with pytest.raises(ExportError, match="md5"):
        run(prove(CONTENT[:-1]))


@EVERY
def test_a_file_that_an_earlier_attempt_published_is_adopted_as_it_lies_there(
    tmp_path: Path, at_rest: Encoding
) -> None:
    store = DiskStore(tmp_path)
    first, _ = run(land(store, at_rest, honest(CONTENT)))
    second, _ = run(land(store, at_rest, honest(CONTENT + b"1,2\n")))
    assert second == first


@EVERY
@pytest.mark.parametrize("content", [b"", b"id,amount\n"])
def test_an_empty_file_is_a_success_that_says_so(tmp_path: Path, at_rest: Encoding, content: bytes) -> None:
    artifact, _ = run(land(DiskStore(tmp_path), at_rest, whole(content)))
    assert (artifact.empty, artifact.rows) == (True, 0)
    assert OPENED[at_rest]((tmp_path / "a" / artifact.uri.rpartition("/")[2]).read_bytes()) == content


@EVERY
def test_a_body_that_can_never_become_a_csv_is_given_up_while_it_comes(tmp_path: Path, at_rest: Encoding) -> None:
    stalled = honest(b"id,amount\n1,2,3\n" + CONTENT * 2 + b"4,5\n", upto=-1, stall=True)
    with pytest.raises(ProofFailed, match="record 1 has 3 fields, the header has 2"):
        run(land(DiskStore(tmp_path), at_rest, stalled))
