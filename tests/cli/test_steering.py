"""Promises of the commands that change the course of exports, against the real API, worker and sandbox."""

import os
import pty
import subprocess
from typing import Any

import pytest

from tests.cli.running import Up, body, command, environment, one_line, run, until


def queued(running: Up, label: str = "x") -> str:
    words = ["report_type=USER_EVENTS", "start=2026-01-01", "end=2026-02-01", "--force", "--label", f"of={label}"]
    ended = run(running, "submit", "shop-bwp", *words, "--json")
    assert ended.returncode == 0, ended.stderr
    assert body(ended)["state"] == "queued"
    return str(body(ended)["id"])


def show(running: Up, export_id: str) -> dict[str, Any]:
    found: dict[str, Any] = body(run(running, "show", export_id, "--json"))
    return found


def test_cancel_and_retry_take_many_ids_and_tell_of_each(paused: Up) -> None:
    names = [queued(paused) for _ in range(2)]
    ended = run(paused, "cancel", *names)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [f"Export {name} is cancelled." for name in names]
    ended = run(paused, "retry", *names, "--from", "start")
    assert ended.stdout.splitlines() == [f"Export {name} is queued again." for name in names]
    assert body(run(paused, "cancel", names[0], "--json")) == show(paused, names[0])


def test_an_id_that_is_wrong_keeps_no_other_from_its_turn(paused: Up) -> None:
    name = queued(paused)
    ended = run(paused, "cancel", "exp_none", name)
    assert ended.returncode == 2
    assert "exp_none" in one_line(ended.stderr)
    assert show(paused, name)["state"] == "cancelled"


def test_a_conflict_is_one_sentence(paused: Up) -> None:
    ended = run(paused, "retry", queued(paused))
    assert ended.returncode == 2
    assert "cancel it first" in one_line(ended.stderr)


def test_priority_changes_a_queued_export(paused: Up) -> None:
    name = queued(paused)
    ended = run(paused, "priority", name, "7")
    assert one_line(ended.stdout) == f"Export {name} has priority 7."
    assert run(paused, "priority", name, "--", "-7").returncode == 0
    assert show(paused, name)["priority"] == -7
    assert "goes behind --" in one_line(run(paused, "priority", name, "-7").stderr)


def test_a_filter_is_counted_first_and_changes_nothing_in_a_pipe_without_yes(paused: Up) -> None:
    names = [queued(paused, "pipe") for _ in range(2)]
    chosen = ["--filter", "label=of:pipe", "--filter", "state=queued"]
    dry = run(paused, "cancel", *chosen, "--dry-run")
    assert one_line(dry.stdout) == "2 exports (2 queued) would be cancelled."
    assert body(run(paused, "cancel", *chosen, "--dry-run", "--json")) == {"matched": 2, "by_state": {"queued": 2}}
    refused = run(paused, "cancel", *chosen)
    assert refused.returncode == 2
    assert "--yes" in one_line(refused.stderr)
    assert {show(paused, name)["state"] for name in names} == {"queued"}
    done = run(paused, "cancel", *chosen, "--yes")
    assert (done.returncode, one_line(done.stdout)) == (0, "2 exports cancelled.")
    again = run(paused, "retry", "--filter", "label=of:pipe", "--filter", "state=cancelled", "--yes", "--json")
    assert body(again) == {"matched": 2, "changed": 2, "skipped": 0}


@pytest.mark.parametrize(("typed", "state"), [("y\n", "cancelled"), ("n\n", "queued")])
def test_on_a_terminal_it_asks(paused: Up, typed: str, state: str) -> None:
    name = queued(paused, "asked")
    words = command("cancel", "--filter", "label=of:asked")
    holder, terminal = pty.openpty()
    with subprocess.Popen(
        words,
        cwd=paused.folder,
        env=environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(holder, typed.encode())
        _, complaint = process.communicate(timeout=60)
    os.close(terminal)
    os.close(holder)
    assert "Cancel 1 export (1 queued)?" in complaint
    assert process.returncode == (0 if state == "cancelled" else 1)
    assert show(paused, name)["state"] == state


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "say which"),
        (["exp_1", "--all"], "say which"),
        (["exp_1", "--dry-run"], "--dry-run counts"),
        (["--filter", "colour=red"], "colour=red"),
        (["--filter", "account=a", "--filter", "account=b"], "twice"),
        (["--filter", "since=yesterday"], "since"),
        (["--filter", "state=gone", "--yes"], "filter.state: write one of queued, starting, "),
    ],
)
def test_words_that_choose_nothing_are_refused_in_one_sentence(running: Up, words: list[str], named: str) -> None:
    ended = run(running, "cancel", *words)
    assert ended.returncode == 2
    assert named in ended.stderr


def test_pause_and_resume_are_told_and_shown(running: Up) -> None:
    ended = run(running, "pause", "shop-bwp")
    assert "landfall resume shop-bwp" in one_line(ended.stdout)
    name = queued(running)
    row = next(line for line in run(running, "accounts").stdout.splitlines() if line.startswith("shop-bwp"))
    since, by, _ = row.split("\t")[-3:]
    assert since
    assert by == body(run(running, "accounts", "--json"))["items"][1]["paused_by"] != ""
    assert f"by key {by}: nothing is started until somebody resumes it" in run(running, "explain", name).stdout
    assert body(run(running, "resume", "shop-bwp", "--json"))["paused_at"] is None
    until(lambda: show(running, name)["state"] == "stored", "what was queued is stored")
