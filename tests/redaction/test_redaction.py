"""Promises that nothing secret gets into the log, by its name or by its shape."""

import json
import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from io import StringIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from landfall.log import get_logger, set_up_logging
from landfall.redaction import MARK, names_a_secret, redact

KEY = "lf_qrstuvwx_" + "Zm9v-YmFy_QmF6" * 3
SHAPES = [
    ("Bearer abc.def-ghi refused", "abc.def-ghi"),
    ("authorization: bearer abc.def-ghi", "abc.def-ghi"),
    ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    ("intelligems-access-token: s3cr3t", "s3cr3t"),
    ('{"intelligems-access-token": "s3cr3t"}', "s3cr3t"),
    ("'client_secret': 's3cr3t'", "s3cr3t"),
    ("GET https://b.s3.amazonaws.com/a.csv?X-Amz-Signature=abcd&X-Amz-Date=1 200", "abcd"),
    ("X-Goog-Signature=abcd", "abcd"),
    ("https://account.blob.core.windows.net/c/f.csv?sv=1&sig=abcd", "abcd"),
    ("postgresql://landfall:s3cr3t@db:5432/x", "s3cr3t"),
    ("rediss://:s3cr3t@cache:6379/0", "s3cr3t"),
    (f"the key {KEY} is not known", KEY[12:]),
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw was used", "MfKQ9r8G"),
    ("POST https://hooks.slack.com/services/T0/B0/s3cr3t 404", "s3cr3t"),
    ("https://discord.com/api/webhooks/1/s3cr3t", "s3cr3t"),
    ("https://acme.webhook.office.com/webhookb2/s3cr3t", "s3cr3t"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ"),
    ("Atza|IwEBIJ-planted", "IwEBIJ"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
]
PLAIN = [
    "the step start of exp_0198c1f0c0de7a3b8b1d0f6e5c4b3a29 went well",
    "/v1/exports/{export_id}/events",
    "s3://bucket/shop-ab/orders/2026/01/31/exp_1.csv",
    "http://127.0.0.1:8700/v1/exports",
    "key_0198c1f0c0de7a3b8b1d0f6e5c4b3a29",
    "Asiapacific markets",
]


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the log writes, as JSON lines."""
    yield from written_as("json")


@pytest.fixture
def shown() -> Iterator[StringIO]:
    """What the log writes, as text."""
    yield from written_as("text")


def written_as(form: str) -> Iterator[StringIO]:
    root, text = logging.getLogger(), StringIO()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    set_up_logging("debug", form)
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(text)
    yield text
    root.handlers[:] = before
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.mark.parametrize(("text", "leak"), SHAPES)
def test_a_secret_is_known_by_its_shape(text: str, leak: str) -> None:
    assert leak not in redact(text)
    assert MARK in redact(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["Authorization", "access_token", "client_secret", "X-Api-Key", "Set-Cookie", "password"]
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert names_a_secret(name)
    assert not names_a_secret("key_id")


def test_the_first_letters_of_an_api_key_stay_to_find_it_by() -> None:
    assert redact(f"{KEY} was refused") == f"lf_qrstuvwx_{MARK} was refused"


@given(st.text(max_size=200), st.sampled_from(SHAPES), st.text(st.characters(categories=["Zs"]), max_size=5))
def test_no_text_before_it_hides_a_secret(before: str, shape: tuple[str, str], gap: str) -> None:
    text, leak = shape
    if leak not in before:
        assert leak not in redact(f"{before} {gap}{text}")


@given(st.text(max_size=300))
def test_nothing_is_taken_out_twice(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_no_line_of_the_log_holds_a_secret_wherever_it_stands_in_it(written: StringIO) -> None:
    log = get_logger("test")
    for text, _ in SHAPES:
        log.info(text, plain=text, inside={"list": [text], "token": 7}, password="hunter2", cookie=["a", "b"])
    log.error("a mistake", exc_info=ValueError(SHAPES[0][0]))
    lines = written.getvalue()
    assert [leak for _, leak in SHAPES if leak in lines] == []
    assert "hunter2" not in lines
    assert {json.loads(line)["level"] for line in lines.splitlines()} == {"info", "error"}


def test_a_terminal_shows_a_status_as_its_number_and_no_colours_of_others(shown: StringIO) -> None:
    get_logger("test").info("request", status=HTTPStatus.OK, color_message="\x1b[36m")
    plain = re.sub(r"\x1b\[\d*m", "", shown.getvalue())
    assert "status=200" in plain
    assert "color_message" not in plain


def test_no_line_of_the_log_tells_a_terminal_what_to_do_or_passes_for_two(shown: StringIO) -> None:
    log = get_logger("test")
    log.info("request\nfaked", path="/\x1b]0;owned\x07", other="/\x9b2J\u202etxt", more="a\nb")
    log.error("a mistake", exc_info=ValueError("\x1b[2J"))
    text = shown.getvalue()
    assert len(text.splitlines()) > len(text.partition("a mistake")[0].splitlines())
    plain = re.sub(r"\x1b\[\d*m", "", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", plain)
    assert plain.splitlines()[0].partition("request")[2].startswith("\\nfaked")
    assert "path=/\\x1b]0;owned\\x07" in plain
    assert "ValueError: \\x1b[2J" in plain
