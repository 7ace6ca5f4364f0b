"""Checks that a file's bytes, checksums and shape are measured in chunks of any size and kind."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.storage.digests import known
from landfall.storage.measure import Measure

BODY = b'\xef\xbb\xbfid,name\r\n1,"x,\ny"\r\n2,z\r\n'


@given(body=st.binary(max_size=200), size=st.integers(1, 40), kind=st.sampled_from([bytes, bytearray, memoryview]))
def test_bytes_and_checksums_are_those_of_the_whole(
    body: bytes, size: int, kind: Callable[[bytes], bytes | bytearray | memoryview]
) -> None:
    measure = Measure(["md5", "sha256", "sha1"])
    for start in range(0, len(body), size):
        measure.update(kind(body[start : start + size]))
    assert measure.bytes == len(body)
    assert measure.sha256 == hashlib.sha256(body).hexdigest()
    assert measure.digest("sha256") == hashlib.sha256(body).digest()
    assert measure.digest("md5") == hashlib.md5(body, usedforsecurity=False).digest()
    assert measure.digest("sha1") == hashlib.sha1(body, usedforsecurity=False).digest()


def test_the_shape_is_that_of_a_file_that_ends_here_and_more_may_come() -> None:
    measure = Measure()
    assert (measure.bytes, measure.rows, measure.columns, measure.empty, measure.problem) == (0, 0, (), True, None)
    measure.update(BODY[:18])
    assert measure.columns == ("id", "name")
    assert (measure.whole, measure.problem) == (False, "the file ends inside a quoted field")
    assert measure.flaw is None
    measure.update(BODY[18:])
    assert (measure.rows, measure.whole, measure.problem, measure.empty) == (2, True, None, False)
    assert (measure.bom, measure.crlf) == (True, True)
    measure.update(b"3\n")
    assert measure.problem == measure.flaw == "record 3 has 1 field, the header has 2"


def test_a_chunk_of_many_turns_is_measured_whole() -> None:
    body = b"id,name\n" + b'1,"x,\ny"\n' * 100_000
    measure = Measure(["md5"])
    measure.update(body)
    assert (measure.bytes, measure.rows, measure.problem) == (len(body), 100_000, None)
    assert measure.sha256 == hashlib.sha256(body).hexdigest()
    assert measure.digest("md5") == hashlib.md5(body, usedforsecurity=False).digest()


def test_a_header_alone_is_empty_and_keeps_its_fingerprint() -> None:
    header, full = Measure(), Measure()
    header.update(b'"id",name')
    full.update(BODY)
    assert header.empty
    assert header.header_hash == full.header_hash == hashlib.sha256(b"id\x1fname").hexdigest()


def test_crc32_is_given_in_network_byte_order() -> None:
    measure = Measure(["crc32"])
    measure.update(b"1234")
    measure.update(memoryview(b"56789"))
    assert base64.b64encode(measure.digest("crc32")) == b"y/Q5Jg=="  # the check value of the CRC catalogue, cbf43926


@pytest.mark.skipif(not known("crc32c"), reason="google-crc32c is not installed")
def test_crc32c_is_given_in_network_byte_order() -> None:
    measure = Measure(["crc32c"])
    measure.update(bytearray(b"1234"))
    measure.update(b"56789")
    assert measure.digest("crc32c").hex() == "e3069283"


@pytest.mark.parametrize("name", ["crc64nvme", "shake_128", ""])
def test_an_unknown_checksum_is_refused_by_its_name(name: str) -> None:
    assert not known(name)
    with pytest.raises(ValueError, match=f"digests: '{name}' cannot be made here"):
        Measure([name])
