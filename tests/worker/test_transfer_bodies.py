"""Promises of which bodies are taken for a file, and which are not."""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from landfall.exports.errors import DownloadRefused, LinkExpired, ReportLost, TransferBroken
from tests.asynchronous import run
from tests.worker.fetching import SIGNATURE, MemorySink, fetched
from tests.worker.file_server import TAG, Reply, Script, chunked, honest, status, whole

CONTENT = b'id,note\n1,"a ""quoted""\r\nline"\n' + b"".join(b"%d,x\n" % number for number in range(400_000))
SMALL = b"id,amount\n1,2\n"


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def unframed(content: bytes, **headers: str) -> Script:
    return lambda _: Reply(
        headers={name.replace("_", "-"): value for name, value in headers.items()}, pieces=(content,)
    )


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def refusal(*scripts: Script, **settings: Any) -> str:
    """Why the fetch was given up, which has to be for a broken transfer, with nothing but a part of the file kept."""
    got = run(fetched(*scripts, **settings))
    assert isinstance(got.error, TransferBroken)
    assert got.whole is None
    return str(got.error)


@pytest.mark.parametrize(
    "content",
    [b"", b"id,amount\n", b"\xef\xbb\xbfid\r\n1\n2", b'a\n"open', b"a,b\n1\x00,\xe4\n", b"a\n1,2,3\n", CONTENT],
    ids=["empty", "header", "bom", "quote", "bytes", "columns", "large"],
)
@pytest.mark.parametrize("send", [whole, chunked])
def test_a_body_that_came_to_its_end_is_kept_as_it_is(send: Any, content: bytes) -> None:
    got = run(fetched(send(*[content] * bool(content or send is whole), etag=TAG)))
    assert (got.error, got.content == content) == (None, True)
    assert got.whole is not None
    assert (got.whole.bytes, got.whole.tag) == (len(content), TAG)


def test_chunks_are_about_a_mebibyte() -> None:
    assert 1 << 20 <= run(fetched(whole(CONTENT))).sink.largest < 2 << 20


def test_no_credential_and_no_encoding_is_offered() -> None:
    async def headers() -> Any:
        asked = []

        def note(request: Any) -> Reply:
            asked.append(request)
            return whole(SMALL)(request)

        await fetched(note)
        return asked[0]

    asked = run(headers())
    assert set(asked.headers) == {"host", "accept", "accept-encoding", "user-agent"}
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.target == f"/report.csv?{SIGNATURE}"


def test_a_body_shorter_than_its_length_is_broken() -> None:
    assert "broke off" in refusal(whole(SMALL, content_length="15"))


@pytest.mark.parametrize("content", [SMALL, CONTENT], ids=["small", "large"])
def test_a_body_longer_than_its_length_is_broken(content: bytes) -> None:
    assert refusal(whole(content + b"surplus\n", content_length=str(len(content))))


def test_a_chunked_body_without_its_last_chunk_is_broken() -> None:
    assert refusal(chunked(SMALL, end=False))


def test_a_body_whose_end_is_a_closed_connection_is_refused() -> None:
    assert "neither a length nor a checksum" in refusal(unframed(SMALL))
    assert "neither a length nor a checksum" in refusal(unframed(gzip.compress(SMALL), content_encoding="gzip"))
    assert "neither a length nor a checksum" in refusal(unframed(SMALL, etag=f'"{md5(SMALL)}"'))


def test_a_body_whose_end_is_a_closed_connection_is_taken_where_a_checksum_proves_it() -> None:
    got = run(fetched(unframed(CONTENT, content_md5=md5(CONTENT))))
    assert (got.error, got.content == CONTENT, got.sink.begun) == (None, True, [None])
    assert "md5" in refusal(unframed(CONTENT[:-1], content_md5=md5(CONTENT)))
    crc = base64.b64encode(zlib.crc32(SMALL).to_bytes(4, "big")).decode()
    assert run(fetched(unframed(SMALL, x_amz_checksum_crc32=crc))).content == SMALL


def test_checksums_of_the_host_are_handed_on() -> None:
    sha256 = hashlib.sha256(SMALL).digest()
    encoded = base64.b64encode(sha256).decode()
    got = run(fetched(whole(SMALL, content_md5=md5(SMALL), x_amz_checksum_sha256=encoded)))
    assert got.whole is not None
    assert got.whole.checksums == {"md5": base64.b64decode(md5(SMALL)), "sha256": sha256}


@pytest.mark.parametrize(
    "headers",
    [
        {"content_md5": "no base64"},
        {"content_md5": "c2hvcnQ="},
        {"x_amz_checksum_sha256": f"{base64.b64encode(bytes(32)).decode()}-3"},
        {"x_amz_checksum_crc32": "AAAAAA==", "x_amz_checksum_type": "COMPOSITE"},
        {"etag": f'"{hashlib.md5(SMALL, usedforsecurity=False).hexdigest()}"'},
    ],
)
def test_what_is_no_checksum_of_the_whole_file_is_left_out(headers: dict[str, str]) -> None:
    got = run(fetched(whole(SMALL, **headers)))
    assert got.whole is not None
    assert got.whole.checksums == {}


def test_checksums_outlive_a_break() -> None:
    first = honest(CONTENT, upto=100_000)

    def with_checksum(asked: Any) -> Reply:
        reply = first(asked)
        return Reply(reply.status, {**reply.headers, "content-md5": md5(CONTENT)}, reply.pieces)

    got = run(fetched(with_checksum, honest(CONTENT)))
    assert got.whole is not None
    assert got.whole.checksums == {"md5": base64.b64decode(md5(CONTENT))}


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd,
}
STACKED = {name: ENCODINGS[name] for name in ("gzip", "zstd")}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_came_packed_is_unpacked(encoding: str) -> None:
    got = run(fetched(whole(ENCODINGS[encoding](CONTENT), content_encoding=encoding, etag=TAG)))
    assert (got.error, got.content == CONTENT, got.sink.begun) == (None, True, [None])


@pytest.mark.parametrize("encoding", STACKED)
def test_every_member_of_a_packed_body_is_read(encoding: str) -> None:
    pack = STACKED[encoding]
    members = pack(CONTENT) + pack(b"") + pack(SMALL)
    got = run(fetched(chunked(members[:-9], members[-9:-8], members[-8:], content_encoding=encoding)))
    assert (got.error, got.content == CONTENT + SMALL) == (None, True)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("left_out", [1, 8, 1000])
def test_a_packed_body_without_its_end_marker_is_broken(encoding: str, left_out: int) -> None:
    assert "end marker" in refusal(whole(ENCODINGS[encoding](CONTENT)[:-left_out], content_encoding=encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_beyond_the_end_of_a_packed_body_are_broken(encoding: str) -> None:
    assert refusal(whole(ENCODINGS[encoding](SMALL) + b"id,1\nmore than a head\n", content_encoding=encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_is_not_packed_as_it_says_is_broken(encoding: str) -> None:
    assert "cannot be unpacked" in refusal(whole(CONTENT, content_encoding=encoding))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_is_stopped_early(encoding: str) -> None:
    sink = MemorySink()
    bomb = ENCODINGS[encoding](b"id\n" + bytes(60 << 20))
    assert "200 times" in refusal(whole(bomb, content_encoding=encoding), sink=sink)
    assert sink.held < 40 << 20
    assert sink.largest < 3 << 20


def test_an_encoding_that_is_not_known_is_named() -> None:
    assert "'br'" in refusal(whole(SMALL, content_encoding="br"))
    assert "'gzip, gzip'" in refusal(whole(SMALL, content_encoding="gzip, gzip"))


def test_a_packed_body_that_breaks_off_is_begun_anew() -> None:
    packed = gzip.compress(CONTENT)
    cut = whole(packed[: len(packed) // 2], content_encoding="gzip", etag=TAG, content_length=str(len(packed)))
    got = run(fetched(cut, whole(packed, content_encoding="gzip", etag=TAG)))
    assert (got.error, got.content == CONTENT, got.ranges) == (None, True, [None, None])


def test_a_packed_body_is_held_against_its_checksum() -> None:
    packed = gzip.compress(SMALL)
    got = run(fetched(whole(packed, content_encoding="gzip", content_md5=md5(packed))))
    assert got.whole is not None
    assert (got.content, got.whole.checksums) == (SMALL, {})
    assert "md5" in refusal(whole(packed, content_encoding="gzip", content_md5=md5(SMALL)))


@pytest.mark.parametrize(
    "script",
    [
        whole(b"<!doctype html><title>Sign in</title>", content_type="text/html; charset=utf-8"),
        whole(SMALL, content_type="application/problem+json"),
        whole(b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml"),
        whole(b'\xef\xbb\xbf \r\n<?xml version="1.0"?><Error/>', content_type="text/csv"),
        whole(b'{"message": "Forbidden"}'),
        whole(gzip.compress(b"<html>"), content_encoding="gzip"),
        chunked(b"\n", b"<html>"),
    ],
)
def test_a_page_that_came_instead_of_the_file_is_not_kept(script: Script) -> None:
    sink = MemorySink()
    assert "instead of a CSV file" in refusal(script, sink=sink)
    assert sink.held == 0


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (status(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"), LinkExpired),
        (status(401), LinkExpired),
        (status(400, b"<Error><Code>ExpiredToken</Code></Error>"), LinkExpired),
        (status(400, b"<Error><Code>InvalidArgument</Code></Error>"), TransferBroken),
        (status(404), ReportLost),
        (status(410), ReportLost),
        (status(204), TransferBroken),
        (status(500), TransferBroken),
        (status(304), TransferBroken),
    ],
)
def test_each_status_means_one_thing(script: Script, error: type[Exception]) -> None:
    got = run(fetched(script))
    assert isinstance(got.error, error)
    assert (got.requests, got.sink.begun) == (1, [])


@pytest.mark.parametrize("code", [429, 503])
def test_a_host_that_asks_for_a_pause_gets_it(code: int) -> None:
    got = run(fetched(status(code, retry_after="17")))
    assert isinstance(got.error, TransferBroken)
    assert got.error.delay == 17.0


@pytest.mark.parametrize(
    "script", [whole(CONTENT), chunked(CONTENT), whole(zlib.compress(CONTENT), content_encoding="deflate")]
)
def test_a_file_beyond_the_size_limit_is_refused(script: Script) -> None:
    got = run(fetched(script, max_file_bytes=len(CONTENT) - 1))
    assert isinstance(got.error, DownloadRefused)
    assert "max_file_bytes" in str(got.error)
    assert got.sink.held < len(CONTENT)


def test_a_file_as_long_as_the_size_limit_is_taken() -> None:
    assert run(fetched(whole(CONTENT), max_file_bytes=len(CONTENT))).content == CONTENT


def test_a_length_beyond_the_size_limit_is_refused_before_the_body() -> None:
    got = run(fetched(whole(CONTENT), max_file_bytes=len(SMALL)))
    assert (type(got.error), got.sink.begun) == (DownloadRefused, [])
