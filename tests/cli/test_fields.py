"""Promises of FIELD=VALUE."""

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.failures import WrongInputError
from cli.fields import read_fields, read_labels, read_request, write_fields

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]*", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("start=2026-01-01", {"start": "2026-01-01"}),
        ("empty=", {"empty": ""}),
        ("sum=a=b", {"sum": "a=b"}),
        ("odd=a:=b", {"odd": "a:=b"}),
        ("number=1", {"number": "1"}),
        ("number:=1", {"number": 1}),
        ("none:=null", {"none": None}),
        ('filters:={"deviceType":"mobile"}', {"filters": {"deviceType": "mobile"}}),
        ("list:=[1, 2]", {"list": [1, 2]}),
        ("text= two words ", {"text": " two words "}),
        ("with-dash=é", {"with-dash": "é"}),
    ],
)
def test_a_word_is_read_as_the_field_that_it_says(word: str, field: dict[str, Any]) -> None:
    assert read_fields([word]) == field


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["start"], "'start' is no field; write it as FIELD=VALUE"),
        (["=x"], "'=x' is no field"),
        ([":=1"], "':=1' is no field"),
        (["a b=1"], "'a b=1' is no field"),
        (["filters:={"], "filters: it is not valid JSON"),
        (["filters:=mobile"], "filters: it is not valid JSON"),
        (["a=1", "a=2"], "a: it is given twice"),
        (["a=1", "a:=2"], "a: it is given twice"),
    ],
)
def test_a_word_that_is_no_field_is_named_with_the_cure(words: list[str], sentence: str) -> None:
    with pytest.raises(WrongInputError) as caught:
        read_fields(words)
    assert sentence in str(caught.value)


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_written_as_words_reads_back_as_the_same(request: dict[str, Any]) -> None:
    assert read_fields(shlex.split(write_fields(request))) == request


@pytest.mark.parametrize("word", ["key", "=value", ""])
def test_a_label_without_key_or_value_is_refused(word: str) -> None:
    with pytest.raises(WrongInputError, match="write it as KEY=VALUE"):
        read_labels([word])


def test_labels_are_read_as_text() -> None:
    assert read_labels(["team=growth", "run=1=2"]) == {"team": "growth", "run": "1=2"}


def test_a_request_comes_from_the_word_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"start": "2026-01-01"}
    (tmp_path / "request.json").write_text(json.dumps(wanted))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(wanted)))
    assert read_request(json.dumps(wanted)) == wanted
    assert read_request(f"@{tmp_path / 'request.json'}") == wanted
    assert read_request("@-") == wanted
    assert read_request(None) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "request: it must be a JSON object"),
        ("{", "request: it is not valid JSON"),
        ("@/nowhere/at/all", "request: /nowhere/at/all cannot be read"),
    ],
)
def test_a_request_that_cannot_be_read_gets_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(WrongInputError, match=sentence):
        read_request(text)
