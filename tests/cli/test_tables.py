"""Promises of tables: what a terminal of some width shows of them."""

import pytest

from cli.tables import Columns, widths

COLUMNS = Columns(
    ("ID", "STATE", "REQUEST", "CREATED", "BYTES"), cut=frozenset({"REQUEST"}), spare=("BYTES", "CREATED")
)
ROW = ["exp_" + "0" * 32, "stored", "x" * 60, "2026-01-01 10:00:00", "12"]


def names(room: int, row: list[str] = ROW) -> list[str]:
    return [COLUMNS.names[place] for place in widths(COLUMNS, [row], room)]


@pytest.mark.parametrize("room", [*range(10, 200, 7), 1000])
def test_an_id_is_never_cut(room: int) -> None:
    assert widths(COLUMNS, [ROW], room)[0] == len(ROW[0])


def test_where_there_is_room_all_is_shown_whole() -> None:
    assert widths(COLUMNS, [ROW], 200) == {0: 36, 1: 6, 2: 60, 3: 19, 4: 5}


def test_first_what_may_be_cut_is_cut_then_the_others_are_folded_then_spare_ones_left_out() -> None:
    assert widths(COLUMNS, [ROW], 110) == {0: 36, 1: 6, 2: 36, 3: 19, 4: 5}
    assert widths(COLUMNS, [ROW], 85) == {0: 36, 1: 6, 2: 16, 3: 14, 4: 5}
    assert names(80) == ["ID", "STATE", "REQUEST", "CREATED"]
    assert names(70) == ["ID", "STATE", "REQUEST"]


@pytest.mark.parametrize("room", range(62, 150, 3))
def test_a_table_is_no_wider_than_the_terminal(room: int) -> None:
    chosen = widths(COLUMNS, [ROW], room)
    assert sum(chosen.values()) + 2 * (len(chosen) - 1) <= room


def test_a_column_that_is_empty_in_every_row_is_not_shown() -> None:
    assert names(200, [*ROW[:3], "", "12"]) == ["ID", "STATE", "REQUEST", "BYTES"]
