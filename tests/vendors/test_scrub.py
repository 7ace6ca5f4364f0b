"""Promises of the words that a vendor's text is cleaned to."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.redaction import MARK
from landfall.vendors.scrub import MAX_LENGTH, scrub

SECRET = "hunter2/planted+secret"


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("Bearer abc.def-ghi refused", "abc.def-ghi"),
        ("authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("Basic dXNlcjpwYXNzd29yZA== refused", "dXNlcjpwYXNzd29yZA"),
        ('{"access_token": "tok-123"}', "tok-123"),
        ('{\\"client_secret\\":\\"s3cr3t\\"}', "s3cr3t"),
        ("client_secret=s3cr3t&grant_type=x", "s3cr3t"),
        ("intelligems-access-token: s3cr3t", "s3cr3t"),
        ("see https://b.s3.amazonaws.com/a.csv?X-Amz-Signature=abcd&X-Amz-Date=1", "abcd"),
        ("see https://me:pass1@host/a.csv", "pass1"),
        ("X-Amz-Signature=abcd1234 is wrong", "abcd1234"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ"),
        ("token Atza|IwEBIJ-planted was used", "IwEBIJ"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("unknown 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "9f86d081"),
        (f"you sent {SECRET}", SECRET),
        (f"you sent {quote(SECRET, safe='')}", "hunter2"),
        (f"you sent {SECRET.upper()}", "HUNTER2"),
    ],
)
def test_what_looks_like_a_credential_is_removed(text: str, leak: str) -> None:
    cleaned = scrub(text, [SECRET])
    assert leak not in cleaned
    assert MARK in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "experienceId: 7c9e6679-7425-40de-944b-e07fc1f90ae7 is not a UUID of this organisation",
        "Querying for an invalid or expired taskId USER_EVENTS:23272b65-efac-412d-a8aa-ce8ef41bb448",
        "startDate 2026-01-31T00:00:00Z must be before endDate 2026-01-01T00:00:00Z",
        "landingPageFiltersOperator: Invalid option, expected one of or|and",
        "see https://docs.example.com/analytics/report",
    ],
)
def test_what_the_reader_needs_is_kept(text: str) -> None:
    assert scrub(text, [SECRET]) == text


@given(st.text(max_size=3000))
def test_every_text_becomes_one_short_printable_line(text: str) -> None:
    cleaned = scrub(text)
    assert len(cleaned) <= MAX_LENGTH
    assert cleaned.isprintable()
    cleaned.encode()


@given(
    before=st.text(max_size=700),
    after=st.text(max_size=700),
    secret=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8, max_size=60),
)
def test_no_form_of_an_own_secret_survives(before: str, after: str, secret: str) -> None:
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert secret not in scrub(f"{before}{form}{after}", [secret]).replace(MARK, "")


def test_a_secret_on_the_edge_of_the_cut_leaves_no_half() -> None:
    for length in range(MAX_LENGTH - 30, MAX_LENGTH + 5):
        assert "hunter2" not in scrub("x" * length + SECRET, [SECRET])


def test_a_huge_text_is_cut() -> None:
    assert len(scrub("a-" * 2_000_000)) == MAX_LENGTH
