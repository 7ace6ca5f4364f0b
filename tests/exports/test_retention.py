"""Promises about which files retention lets go."""

from datetime import timedelta

import pytest

from landfall.exports.retention import Reason, Retention, StoredFile, leaving
from tests.exports.jobs import NOON

DAY = timedelta(days=1)
FILES = [StoredFile(f"exp_{days}", "shop", NOON - days * DAY, f"file:///{days}", 1, 1, "0" * 64) for days in range(6)]


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), "......"),
        (Retention(age=3 * DAY), "....AA"),
        (Retention(age=timedelta(hours=1)), ".AAAAA"),
        (Retention(count=2), "..CCCC"),
        (Retention(count=0), "CCCCCC"),
        (Retention(count=9), "......"),
        (Retention(age=4 * DAY, count=2), "..CCCA"),
        (Retention(age=1 * DAY, count=4), "..AAAA"),
    ],
)
def test_a_file_goes_when_it_is_too_old_or_has_enough_newer_ones(retention: Retention, expected: str) -> None:
    letters = {None: ".", Reason.AGE: "A", Reason.COUNT: "C"}
    assert "".join(letters[reason] for _, reason in leaving(FILES, retention, now=NOON)) == expected


def test_a_file_as_old_as_is_allowed_stays() -> None:
    assert [reason for _, reason in leaving(FILES[3:4], Retention(age=3 * DAY), now=NOON)] == [None]
