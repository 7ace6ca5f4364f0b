"""Checks the words for a header that is not what it was."""

import pytest

from landfall.storage.header_change import changed_header, header_hash


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (["a", "b"], ["a", "b"], None),
        (["a ", "cafe\u0301"], ["a", "caf\u00e9"], None),
        (["a", "c"], ["a", "b"], "1 column is new: b; 1 is gone: c"),
        (["a"], ["x", "a", "y"], "2 columns are new: x, y"),
        (["a", "b", "c"], ["c"], "2 columns are gone: a, b"),
        (["a", "b"], ["b", "a"], "the order of the columns changed"),
        (["a", "b", "c", "d"], ["b", "a", "x", "y"], "2 columns are new: x, y; 2 are gone: c, d; the order changed"),
        (["a", "a"], ["a"], "1 column is gone: a"),
        (["a"], ["a", ""], '1 column is new: ""'),
        ([], list("abcdefghijkl"), "12 columns are new: a, b, c, d, e, f, g, h, i, j and 2 more"),
        (["a"], ["A"], "1 column is new: A; 1 is gone: a"),
    ],
)
def test_a_change_of_the_header_is_told_in_words(before: list[str], after: list[str], words: str | None) -> None:
    assert changed_header(before, after) == words
    assert (header_hash(before) == header_hash(after)) == (words is None)


def test_a_very_long_name_is_shortened() -> None:
    assert changed_header([], ["n" * 500]) == f"1 column is new: {'n' * 60}…"


def test_no_header_has_no_fingerprint() -> None:
    assert not header_hash(())
