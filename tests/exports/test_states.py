"""Checks the state table and the diagram that is drawn from it."""

from pathlib import Path

import pytest

from landfall.exports.diagram import diagram
from landfall.exports.states import SLOT_HOLDING, STEP_DUE, TERMINAL, TRANSITIONS, IllegalMoveError, State, check_move

ROOT = Path(__file__).parents[2]


def test_every_state_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_a_terminal_state_is_left_by_a_retry_alone_and_stored_not_even_by_that() -> None:
    assert not TRANSITIONS[State.STORED]
    for state in TERMINAL - {State.STORED}:
        assert TRANSITIONS[state] == {State.QUEUED: "retry", State.READY: "retry"}


def test_every_live_state_but_queued_has_a_step() -> None:
    assert set(STEP_DUE) == set(State) - TERMINAL - {State.QUEUED}


def test_only_states_with_a_report_in_the_making_hold_a_slot() -> None:
    assert {State.STARTING, State.EXPORTING} == SLOT_HOLDING


def test_a_move_that_the_table_lacks_is_refused_by_name() -> None:
    with pytest.raises(IllegalMoveError, match="stored cannot become starting"):
        check_move(State.STORED, State.STARTING)


def test_the_readme_shows_the_diagram_of_the_table() -> None:
    assert diagram() in (ROOT / "README.md").read_text(encoding="utf-8")
