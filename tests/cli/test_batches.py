"""Checks the commands that show and steer batches, against the real API, worker and sandbox."""

import signal
import subprocess
from typing import Any

import httpx
import pytest

from tests.cli.running import Up, body, command, environment, one_line, run

EVENTS = ("--account", "shop-bwp", "report_type=USER_EVENTS")
DAYS = ("--from", "2026-04-01", "--to", "2026-04-04", "--window", "P1D")


def made(up: Up, *words: str) -> str:
    ended = run(up, "batch", *EVENTS, *(words or DAYS), "--json")
    assert ended.returncode == 0, ended.stderr
    return str(body(ended)["id"])


def show(up: Up, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = body(run(up, "batches", "show", batch_id, "--json"))
    return found


def test_batches_are_listed_newest_first_page_by_page(paused: Up) -> None:
    older, newer = made(paused), made(paused, *DAYS, "--label", "run=second")
    page = run(paused, "batches", "list", "--limit", "1")
    header, row = [line.split("\t") for line in page.stdout.splitlines()]
    assert header == ["ID", "CREATED", "FINISHED", "PROGRESS", "EXPORTS", "STATES", "LABELS"]
    assert (row[0], *row[2:]) == (newer, "", "0 %", "3", "3 queued", "run=second")
    assert "--all shows every page" in page.stderr
    first = body(run(paused, "batches", "list", "--limit", "1", "--json"))
    rest = body(run(paused, "batches", "list", "--cursor", first["next"], "--json"))
    assert [first["items"][0], rest["items"][0]] == [show(paused, newer), show(paused, older)]


@pytest.mark.slow
def test_a_batch_is_cancelled_retried_and_awaited_as_a_whole(paused: Up) -> None:
    batch = made(paused, *DAYS, "--label", "run=whole")
    done = run(paused, "batches", "cancel", batch)
    assert (done.returncode, one_line(done.stdout)) == (0, "3 exports cancelled.")
    ended = run(paused, "batches", "wait", batch)
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1] == f"landfall batches: batch {batch}: 3 cancelled"
    shown = run(paused, "batches", "show", batch).stdout.splitlines()
    assert shown[:4] == [f"Batch {batch}", "  progress  100 %", "  exports   3: 3 cancelled", "  labels    run=whole"]
    again = run(paused, "batches", "retry", batch, "--from", "start", "--json")
    assert body(again) == {"matched": 3, "changed": 3, "skipped": 0}
    assert show(paused, batch)["exports"]["by_state"] == {"queued": 3}
    assert run(paused, "resume", "shop-bwp").returncode == 0
    ended = run(paused, "batches", "wait", batch, "--json")
    assert (ended.returncode, body(ended)) == (0, show(paused, batch))
    assert body(ended)["exports"]["by_state"] == {"stored": 3}


def test_a_batch_shows_which_of_its_exports_failed_and_why(running: Up, vendors: dict[str, str]) -> None:
    fault = {"fault": "graphql_error", "vendor": "buy_with_prime", "operation": "start", "body": "ValidationException"}
    assert httpx.post(vendors["control"] + "/faults", json=fault, trust_env=False).status_code == 201
    begin, to = "2026-05-01", "2026-05-02"
    ended = run(running, "batch", *EVENTS, "--from", begin, "--to", to, "--window", "P1D", "--wait", "--json")
    assert ended.returncode == 3
    (failure,) = body(ended)["failures"]
    lines = run(running, "batches", "show", body(ended)["id"]).stdout.splitlines()
    assert lines[-2:] == ["Failures", f"  {failure['export']}  {failure['code']}: {failure['message']}"]


def test_ctrl_c_while_waiting_for_a_batch_says_how_to_wait_again(paused: Up) -> None:
    batch = made(paused)
    with subprocess.Popen(
        command("batches", "wait", batch), cwd=paused.folder, env=environment(), stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stderr
        assert waiting.stderr.readline() == f"{batch} 3 queued\n"
        waiting.send_signal(signal.SIGINT)
        rest = waiting.stderr.read()
    assert waiting.returncode == 130
    assert f"`landfall batches wait {batch}` waits again" in rest
    assert show(paused, batch)["exports"]["by_state"] == {"queued": 3}


@pytest.mark.parametrize("verb", ["show", "wait", "cancel", "retry"])
@pytest.mark.parametrize(("batch_id", "complaint"), [("bat_none", "bat_none"), (" ", "landfall batches list")])
def test_an_id_of_no_batch_gets_one_sentence(running: Up, verb: str, batch_id: str, complaint: str) -> None:
    ended = run(running, "batches", verb, batch_id)
    assert ended.returncode == 2
    assert complaint in one_line(ended.stderr)
