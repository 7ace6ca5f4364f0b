"""Promises of the lists: pages, pipes and terminals, against the real API."""

from typing import Any

import pytest

from tests.cli.running import Up, body, run
from tests.cli.terminal import terminal

DAYS = ("--from", "2026-07-01", "--to", "2026-07-06", "--window", "P1D")


@pytest.fixture
def batch(paused: Up) -> dict[str, Any]:
    """Five exports that stay queued."""
    made: dict[str, Any] = body(
        run(paused, "batch", "--account", "shop-bwp", "report_type=USER_EVENTS", *DAYS, "--label", "of=list", "--json")
    )
    return made


def ids(shown: str) -> list[str]:
    return [line.split("\t")[0] for line in shown.splitlines()[1:]]


def test_all_pages_are_one_list(running: Up, batch: dict[str, Any]) -> None:
    every = body(run(running, "list", "--batch", batch["id"], "--json"))
    assert len(every["items"]) == 5
    whole = run(running, "list", "--batch", batch["id"], "--limit", "2", "--all")
    assert (ids(whole.stdout), whole.stderr) == ([export["id"] for export in every["items"]], "")
    assert body(run(running, "list", "--batch", batch["id"], "--all", "--json")) == every
    page = body(run(running, "list", "--batch", batch["id"], "--limit", "2", "--json"))
    rest = run(running, "list", "--batch", batch["id"], "--cursor", page["next"], "--all")
    assert ids(rest.stdout) == [export["id"] for export in every["items"][2:]]


def test_batches_are_listed_to_the_last_too(running: Up, batch: dict[str, Any]) -> None:
    assert batch["id"] in ids(run(running, "batches", "list", "--limit", "1", "--all").stdout)


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("label", ["of=list", "of:list"])
def test_a_label_is_written_as_where_it_was_given(running: Up, label: str) -> None:
    found = body(run(running, "list", "--label", label, "--json"))["items"]
    assert {export["labels"]["of"] for export in found} == {"list"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["list", "--since", "2999-01-01"], "There are no such exports; `landfall submit` asks for one."),
        (["webhooks", "list"], "There are no webhooks; [webhooks.NAME] in landfall.toml makes one."),
        (["webhooks", "deliveries"], "There are no such deliveries: nothing was sent."),
    ],
)
def test_an_empty_list_says_so_beside_its_header(running: Up, words: list[str], sentence: str) -> None:
    ended = run(running, *words)
    assert (ended.returncode, ended.stderr.strip()) == (0, sentence)
    assert len(ended.stdout.splitlines()) == 1
    with terminal(running.folder, *words) as screen:
        assert screen.end() == 0
    assert screen.shown.strip() == sentence


@pytest.mark.parametrize("columns", [50, 80, 120, 200])
def test_a_terminal_shows_ids_whole_and_names_what_it_leaves_out(
    running: Up, batch: dict[str, Any], columns: int
) -> None:
    with terminal(running.folder, "list", "--batch", batch["id"], env={"COLUMNS": str(columns)}) as screen:
        assert screen.end() == 0
    found = body(run(running, "list", "--batch", batch["id"], "--json"))["items"]
    assert all(export["id"] in screen.shown for export in found)
    assert ("Left out for want of room: " in screen.shown) == ("CREATED" not in screen.shown.splitlines()[0])
    if columns >= 80:
        assert all(len(line.rstrip()) <= columns for line in screen.shown.splitlines()[:6])


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_states_have_colours_unless_they_are_not_wanted(
    running: Up, batch: dict[str, Any], env: dict[str, str]
) -> None:
    assert run(running, "batches", "cancel", batch["id"]).returncode == 0
    with terminal(running.folder, "list", "--batch", batch["id"], env=env) as screen:
        assert screen.end() == 0
    assert "cancelled" in screen.shown
    assert ("\x1b[35mcancelled" in screen.raw) == (not env)
