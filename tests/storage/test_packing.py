"""Promises of packing at rest: what was packed comes back, always as the same bytes, and nothing broken passes."""

import gzip
import random
from collections.abc import Iterator

import pytest
import zstandard

from landfall.storage.content import read_content
from landfall.storage.encodings import Encoding, encoding_of, file_name, media_type, parquet_name, stored_key
from landfall.storage.packing import CannotUnpack, Packer, unpacked

PACKED = pytest.mark.parametrize("encoding", ["gzip", "zstd"])


def rows(count: int, seed: int = 1) -> bytes:
    source = random.Random(seed)
    lines = [f'{number:05},{source.random()},"a\nb"\n' for number in range(count)]
    return ("id,x,text\n" + "".join(lines)).encode()


def cut(content: bytes, seed: int) -> Iterator[bytes]:
    """The content in chunks of any size."""
    source, start = random.Random(seed), 0
    while start < len(content):
        size = source.choice([1, 1000, 300_000, 1 << 20])
        yield content[start : start + size]
        start += size


def packed(content: bytes, encoding: Encoding, seed: int = 1) -> bytes:
    packer = Packer(encoding)
    return b"".join([packer.pack(chunk) for chunk in cut(content, seed)]) + packer.finish()


@PACKED
@pytest.mark.parametrize("count", [0, 1, 60_000])
def test_what_was_packed_comes_back_however_it_is_read(encoding: Encoding, count: int) -> None:
    content = rows(count)
    whole = packed(content, encoding)
    assert b"".join(unpacked([whole], encoding)) == content
    assert b"".join(unpacked(cut(whole, 3), encoding)) == content


@PACKED
def test_an_empty_file_is_packed_too(encoding: Encoding) -> None:
    whole = packed(b"", encoding)
    assert whole
    assert list(filter(None, unpacked([whole], encoding))) == []


def test_others_can_read_it() -> None:
    content = rows(1000)
    assert gzip.decompress(packed(content, "gzip")) == content
    with zstandard.ZstdDecompressor().stream_reader(packed(content, "zstd")) as reader:
        assert reader.read() == content


@PACKED
def test_the_same_file_packs_to_the_same_bytes_however_it_comes_in(encoding: Encoding) -> None:
    content = rows(40_000)
    assert len({packed(content, encoding, seed) for seed in range(4)}) == 1


def test_gzip_tells_no_name_and_no_time() -> None:
    flags, moment = packed(b"id\n1\n", "gzip")[3], packed(b"id\n1\n", "gzip")[4:8]
    assert (flags, moment) == (0, b"\0\0\0\0")


@PACKED
def test_a_broken_file_is_not_unpacked_to_its_end(encoding: Encoding) -> None:
    whole = packed(rows(5000), encoding)
    turned = bytearray(whole)
    turned[len(whole) // 2] ^= 1
    for broken in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"x", bytes(turned), b"no such thing"):
        with pytest.raises(CannotUnpack):
            list(unpacked(cut(broken, 1), encoding))


@PACKED
def test_much_that_is_packed_into_little_is_handed_on_in_small_chunks(encoding: Encoding) -> None:
    packer = Packer(encoding)
    whole = b"".join([packer.pack(bytes(1 << 20)) for _ in range(64)]) + packer.finish()
    assert max(map(len, unpacked([whole], encoding))) <= 32 << 20
    assert sum(map(len, unpacked([whole], encoding))) == 64 << 20


@PACKED
def test_the_content_tells_the_file_as_it_lies_there_and_the_csv_in_it(encoding: Encoding) -> None:
    content = rows(300)
    whole = packed(content, encoding)
    plain, found = read_content([content], "identity"), read_content([whole], encoding)
    assert (found.bytes, found.rows, found.columns) == (len(whole), 300, ("id", "x", "text"))
    assert found.sha256 != plain.sha256
    assert found.extra == {"plain_bytes": len(content), "plain_sha256": plain.sha256}
    assert plain.extra == {}


@PACKED
def test_the_content_of_a_broken_file_tells_its_bytes_all_the_same(encoding: Encoding) -> None:
    broken = packed(rows(300), encoding)[:-3] + bytes(2 << 20)
    found = read_content(cut(broken, 1), encoding)
    assert found.problem
    assert found.bytes == len(broken)
    assert found.sha256 == read_content([broken], "identity").sha256


@pytest.mark.parametrize(
    ("key", "encoding", "stored"),
    [
        ("a/1.csv", "identity", "a/1.csv"),
        ("a/1.csv", "gzip", "a/1.csv.gz"),
        ("a/1.csv", "zstd", "a/1.csv.zst"),
        ("a/1", "zstd", "a/1.zst"),
        ("a/1.gz", "identity", "a/1.gz.csv"),
        ("a/1.zst", "gzip", "a/1.zst.csv.gz"),
    ],
)
def test_a_key_tells_how_its_file_is_packed(key: str, encoding: Encoding, stored: str) -> None:
    assert stored_key(key, encoding) == stored
    assert encoding_of(stored) == encoding


def test_names_follow_from_the_key() -> None:
    keys = ["a/1.csv", "a/1.csv.gz", "a/1.csv.zst"]
    assert [file_name("exp", key) for key in keys] == ["exp.csv", "exp.csv.gz", "exp.csv.zst"]
    assert [media_type(key) for key in keys] == ["text/csv", "application/gzip", "application/zstd"]
    assert {parquet_name(key) for key in keys} == {"a/1.parquet"}
    assert parquet_name("a/1.zst") == "a/1.parquet"
