"""Promises of `landfall watch`, `landfall explain` and the timeline of `landfall show`."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import forked
from tests.cli.running import Up, body, environment, landfall, one_line, until

BUY_WITH_PRIME = ["shop-bwp", "report_type=USER_EVENTS", "start=2026-01-01", "end=2026-02-01"]


def run(running: Up, *words: str) -> "subprocess.CompletedProcess[str]":
    return landfall(running.folder, *words)


def submitted(running: Up, *words: str) -> str:
    return str(body(run(running, "submit", *BUY_WITH_PRIME, "--force", "--json", *words))["id"])


@contextmanager
def watching(running: Up, *words: str) -> Iterator["subprocess.Popen[str]"]:
    with (Path(running.folder) / "watch.log").open("w") as log:
        process = forked.start(
            "cli",
            "watch",
            *words,
            folder=running.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with process:
        try:
            told = Path(running.folder) / "watch.log"
            until(lambda: "Watching" in told.read_text(), "it watches")
            yield process
        finally:
            process.kill()


def test_watch_of_an_export_tells_it_from_the_first_event_to_the_end(running: Up) -> None:
    export_id = submitted(running)
    ended = run(running, "watch", export_id)
    assert ended.returncode == 0, ended.stderr
    lines = [line.split("\t") for line in ended.stdout.splitlines()]
    assert {line[1] for line in lines} == {export_id}
    assert lines[0][3].startswith("accept: queued")
    assert ": stored" in lines[-1][3]
    told = [json.loads(line) for line in run(running, "watch", export_id, "--json").stdout.splitlines()]
    assert [event["kind"] for event in told] == [line[3].split(":")[0] for line in lines]


def test_watch_of_a_cancelled_export_ends_with_exit_code_3(running: Up) -> None:
    export_id = submitted(running)
    run(running, "cancel", export_id)
    state = body(run(running, "show", export_id, "--json"))["state"]
    assert run(running, "watch", export_id).returncode == (3 if state == "cancelled" else 0)


@pytest.mark.slow
def test_watch_goes_on_where_it_was_after_the_api_was_killed(running: Up) -> None:
    with watching(running, "--json") as process:
        assert process.stdout
        first = submitted(running)
        before = [json.loads(process.stdout.readline())]
        while (before[-1]["export_id"], before[-1]["state"]) != (first, "stored"):
            before.append(json.loads(process.stdout.readline()))
        running.children()["api"].send_signal(signal.SIGKILL)
        until(lambda: run(running, "list", "--limit", "1").returncode == 0, "the API is there again")
        second = submitted(running)
        after = [json.loads(process.stdout.readline())]
        while (after[-1]["export_id"], after[-1]["state"]) != (second, "stored"):
            after.append(json.loads(process.stdout.readline()))
    numbers = [event["id"] for event in (*before, *after)]
    assert numbers == sorted(set(numbers))
    assert next(event["kind"] for event in after if event["export_id"] == second) == "accept"


def test_ctrl_c_ends_a_watch_with_130(running: Up) -> None:
    with watching(running) as process:
        assert process.stdout
        submitted(running)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_watch_of_what_does_not_exist_or_of_too_much_is_wrong_input(running: Up) -> None:
    none = run(running, "watch", "exp_none")
    assert (none.returncode, "there is no export" in one_line(none.stderr)) == (2, True)
    both = run(running, "watch", "exp_none", "--account", "shop-ab")
    assert (both.returncode, "leave out --account" in one_line(both.stderr)) == (2, True)


def test_explain_tells_why_in_words_and_as_json(running: Up) -> None:
    export_id = submitted(running, "--wait")
    ended = run(running, "explain", export_id)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("It is stored since ")
    assert body(run(running, "explain", export_id, "--json"))["details"][0]["code"] == "stored"
    assert run(running, "explain", "exp_none").returncode == 2


def test_list_narrows_by_batch_error_until_and_several_labels(running: Up) -> None:
    export_id = submitted(running, "--label", "watch=a", "--label", "n=1")
    for words, found in (
        (["--label", "watch:a", "--label", "n:1"], True),
        (["--label", "watch:a", "--label", "n:2"], False),
        (["--label", "watch:a", "--until", "2000-01-01"], False),
        (["--label", "watch:a", "--until", "2999-01-01"], True),
        (["--label", "watch:a", "--batch", "bat_none"], False),
        (["--label", "watch:a", "--error", "none"], False),
    ):
        items = body(run(running, "list", *words, "--json"))["items"]
        assert ([item["id"] for item in items] == [export_id]) == found, words
