"""Promises of `save` and `rows` against a server that breaks off, redirects and lies."""

import gzip
import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard

from landfall_client import FileDiffers, FileGone, FileNotSaved, Landfall, LandfallError, NotLandfall, UnreadableRows
from landfall_client.part import Part
from tests.cli.file_server import EXPORT_ID, FileServer, Plan, file_server
from tests.client.file_serving import CONTENT, served

KEY = "lf_planted-key"
LINK = "X-Amz-Signature=planted-signature&X-Amz-Security-Token=planted-token"


def export_of(server: FileServer, **settings: Any) -> Any:
    return Landfall(server.url, KEY, **settings).export(EXPORT_ID)


def answering(server: FileServer, **file: Any) -> None:
    """Have the API tell this of the file."""
    told = server.export()
    told["file"] |= file
    server.export = lambda: told  # type: ignore[method-assign]


def test_a_redirect_is_followed_without_the_key(tmp_path: Path) -> None:
    with served(Plan(cut=1_000_000)) as store, served() as server:
        server.plans += [Plan(location=f"{store.url}/bucket/a%20b.csv?{LINK}")] * 2
        assert export_of(server).save(tmp_path / "x.csv").read_bytes() == CONTENT
    assert store.paths == [f"/bucket/a%20b.csv?{LINK}"] * 2
    assert [set(asked) for asked in store.asked] == [{"host", "accept-encoding"}, {"host", "accept-encoding", "range"}]
    assert server.asked[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("place", ["{store}/x?{link}", "http://127.0.0.1:9/x?{link}", "ftp://127.0.0.1/x?{link}"])
def test_no_log_and_no_error_tells_the_key_or_the_link(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    for logger in (None, "httpx", "httpcore"):  # another test may have had Landfall's log quieten these
        caplog.set_level(logging.DEBUG, logger)
    with served(Plan(status=403)) as store, served() as server:
        server.plans.append(Plan(location=place.format(store=store.url, link=LINK)))
        client = Landfall(server.url, KEY, patience=0)
        with pytest.raises(LandfallError) as caught:
            client.export(EXPORT_ID).save(tmp_path)
    told = [caplog.text, str(caught.value), repr(caught.value), repr(client), repr(client.export)]
    assert "receive_response_headers" in caplog.text  # httpcore has told all that it tells
    for text in told:
        assert "planted" not in text
    assert list(tmp_path.iterdir()) == []


def test_redirects_end(tmp_path: Path) -> None:
    with served() as server:
        server.plans += [Plan(location=f"{server.url}/again?{LINK}")] * 9
        with pytest.raises(NotLandfall, match="redirects to where nobody may follow"):
            export_of(server, patience=0).save(tmp_path)
    assert len(server.asked) == 4


def test_what_differs_from_what_was_stored_gets_no_name(tmp_path: Path) -> None:
    with served() as server:
        answering(server, sha256="0" * 64)
        export = export_of(server)
        with pytest.raises(FileDiffers, match="another SHA-256"):
            export.save(tmp_path / "x.csv")
        with pytest.raises(FileDiffers):
            list(export.rows())
        with pytest.raises(FileDiffers), export.open() as file:
            file.read()
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_is_too_short_is_asked_for_again_to_its_end(tmp_path: Path) -> None:
    with served(Plan(cut=0), Plan(cut=10), Plan(status=503)) as server:
        assert export_of(server, patience=5).save(tmp_path / "x.csv").read_bytes() == CONTENT
        assert len(server.asked) == 4


def test_what_is_there_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    there = tmp_path / "x.csv"
    there.write_text("old")
    there.chmod(0o600)
    with served() as server:
        export = export_of(server)
        with pytest.raises(FileExistsError, match="is there already"):
            export.save(there, replace=False)
        assert there.read_text() == "old"
        assert export.save(there).read_bytes() == CONTENT
        assert there.stat().st_mode & 0o777 == 0o600


def test_a_folder_gets_the_file_under_the_export_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with served() as server:
        answering(server, uri="s3://bucket/x.csv.gz")
        assert export_of(server).save() == Path(f"{EXPORT_ID}.csv.gz")
        assert export_of(server).save(tmp_path) == tmp_path / f"{EXPORT_ID}.csv.gz"


@pytest.mark.parametrize("target", ["missing/x.csv", "pipe", "nowhere"])
def test_where_nothing_can_be_written_is_one_sentence(tmp_path: Path, target: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing" / "x")
    with served() as server, pytest.raises(FileNotSaved, match="name another target"):
        export_of(server).save(tmp_path / target)


def test_two_do_not_write_the_same_file_at_once(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    with served() as server, Part(target, server.sha256) as part:
        part.write(CONTENT[:10])
        with pytest.raises(FileNotSaved, match="somebody else is writing"):
            export_of(server).save(target)
        assert part.path.read_bytes() == CONTENT[:10]


def test_a_file_that_retention_removed_is_gone(tmp_path: Path) -> None:
    with served() as server:
        answering(server, removed_at="2026-01-31T12:00:00Z")
        with pytest.raises(FileGone, match="was removed by retention on 2026-01-31"):
            export_of(server).save(tmp_path)


@pytest.mark.parametrize("packing", ["gz", "gz of two members", "zst"])
def test_rows_of_a_packed_file_are_unpacked(packing: str) -> None:
    half = len(CONTENT) // 2
    packed = {
        "gz": gzip.compress(CONTENT),
        "gz of two members": gzip.compress(CONTENT[:half]) + gzip.compress(CONTENT[half:]),
        "zst": zstandard.compress(CONTENT),
    }[packing]
    with file_server(packed) as server:
        answering(server, uri=f"file:///x.csv.{packing[:3].strip()}")
        rows = list(export_of(server).lists())
        assert b"".join(export_of(server).chunks()) == packed
    assert rows == [line.split(",") for line in CONTENT.decode().splitlines()]


@pytest.mark.parametrize(
    ("packed", "suffix"), [(b"no gzip", "gz"), (gzip.compress(CONTENT)[:-9], "gz"), (b"no zstd", "zst")]
)
def test_what_is_not_packed_as_its_name_says_is_told(packed: bytes, suffix: str) -> None:
    with file_server(packed) as server:
        answering(server, uri=f"file:///x.csv.{suffix}")
        with pytest.raises(UnreadableRows):
            list(export_of(server).rows())


def test_the_hash_is_that_of_the_packed_file(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT)
    with file_server(packed) as server:
        answering(server, uri="file:///x.csv.gz")
        path = export_of(server).save(tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == server.sha256
