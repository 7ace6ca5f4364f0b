"""Promises of the odd bodies: they go out byte by byte as named, where the server's framing would mend them."""

import csv
import gzip
import io
import socket
import zlib
from urllib.parse import urlsplit

import pytest

from sandbox.odd_bodies import ODD_BODIES
from tests.sandbox.conftest import Launch, Sandbox


def received(url: str, *lines: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for a URL and read until the connection closes: no client's opinion stands between."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        head = "".join(f"{line}\r\n" for line in ("Host: localhost", *lines))
        connection.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\n{head}\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head_bytes, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head_bytes.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split(" ")[1]), headers, body


@pytest.fixture
def url(quick: Sandbox) -> str:
    """The link of a finished report."""
    return quick.finished_link()


def odd(sandbox: Sandbox, url: str, body: str, *lines: str) -> tuple[int, dict[str, str], bytes]:
    assert sandbox.fault("odd_body", body=body).status_code == 201
    answer = received(url, *lines)
    assert sandbox.stats()["faults"]["odd_body"] >= 1
    return answer


@pytest.mark.parametrize("body", ODD_BODIES)
def test_every_odd_body_comes_with_a_strong_etag_on_a_connection_that_closes(
    quick: Sandbox, url: str, body: str
) -> None:
    _, headers, _ = odd(quick, url, body)
    assert headers["etag"].startswith('"')
    assert headers["connection"] == "close"


def test_framing_that_lies_goes_out_as_it_is(quick: Sandbox, url: str) -> None:
    whole = quick.http.get(url).content
    _, headers, content = odd(quick, url, "too_long")
    assert (int(headers["content-length"]), content) == (len(whole) - 10, whole)
    _, headers, content = odd(quick, url, "unframed")
    assert content == whole[: len(whole) // 2]
    assert not {"content-length", "transfer-encoding"} & set(headers)


def test_packed_bodies_are_what_they_are_called(quick: Sandbox, url: str) -> None:
    whole = quick.http.get(url).content
    assert gzip.decompress(odd(quick, url, "gzip_members")[2]) == whole
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert whole.startswith(inflater.decompress(odd(quick, url, "gzip_cut")[2]))
    assert not inflater.eof
    bomb = odd(quick, url, "gzip_bomb")[2]
    assert len(gzip.decompress(bomb)) > 500 * len(bomb)


@pytest.mark.parametrize("body", ["no_last_newline", "mixed_newlines", "nul_bytes", "latin_1", "new_column", "bom"])
def test_sound_odd_bodies_have_the_report_s_records(quick: Sandbox, url: str, body: str) -> None:
    content = odd(quick, url, body)[2].decode("latin-1")
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert len(rows) - 1 == quick.reports()[0]["rows"]
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_carriage_return_stands_alone_in_a_value(quick: Sandbox, url: str) -> None:
    heading, newline, records = quick.http.get(url).content.partition(b"\n")
    assert odd(quick, url, "carriage_return")[2] == heading + newline + b"a\rb" + records


@pytest.mark.parametrize("body", ["open_quote", "too_many_fields", "too_few_fields", "new_column_midway"])
def test_broken_odd_bodies_have_records_of_another_width(quick: Sandbox, url: str, body: str) -> None:
    content = odd(quick, url, body)[2].decode()
    assert len({len(row) for row in csv.reader(io.StringIO(content, newline=""))}) == 2


def test_answers_to_a_request_for_the_rest_may_be_odd(quick: Sandbox, url: str) -> None:
    whole, asked = quick.http.get(url), "Range: bytes=100-"
    assert odd(quick, url, "range_ignored", asked)[::2] == (200, whole.content)
    assert odd(quick, url, "range_refused", asked)[0] == 416
    status, headers, content = odd(quick, url, "other_etag", asked)
    assert (status, content) == (206, whole.content[100:])
    assert headers["etag"] != whole.headers["etag"]


def test_the_witness_counts_the_bytes_that_were_sent(quick: Sandbox, url: str) -> None:
    size = quick.reports()[0]["bytes"]
    quick.http.get(url)
    quick.http.get(url, headers={"Range": "bytes=-100"})
    assert quick.reports()[0]["bytes_sent"] == size + 100


def test_a_link_may_hold_a_session_token(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0", "--link-token", "Session-1")
    url = sandbox.finished_link()
    assert "&X-Amz-Security-Token=Session-1" in url
    assert sandbox.http.get(url).status_code == 200
