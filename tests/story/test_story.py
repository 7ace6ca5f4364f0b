"""Tells the whole story: exports of both vendors, asked for over HTTP, become CSV files on disk."""

import csv
import hashlib
import io
from pathlib import Path
from urllib.parse import urlsplit

from tests.stack import Stack, until


def test_exports_of_both_vendors_become_the_files_that_the_vendors_served(stack: Stack) -> None:
    stack.start("worker")
    ids = [stack.submit("shop-bwp", number) for number in range(8)]
    ids += [stack.submit("shop-ab", number) for number in range(4)]
    exports = [stack.wait_for(id_, "stored", "failed") for id_ in ids]
    assert {export["state"] for export in exports} == {"stored"}
    served = {report["sha256"]: report for report in stack.sandbox.reports()}
    for export in exports:
        path = Path(urlsplit(export["file"]["uri"]).path)
        body = path.read_bytes()
        rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
        assert export["file"]["sha256"] == hashlib.sha256(body).hexdigest()
        assert export["file"]["sha256"] in served
        assert export["file"]["bytes"] == len(body)
        assert export["file"]["rows"] == len(rows) - 1 == served[export["file"]["sha256"]]["rows"]
        assert export["file"]["columns"] == rows[0]
        fetched = stack.get(f"/v1/exports/{export['id']}/file")
        assert fetched.content == body
        assert fetched.headers["etag"] == f'"{export["file"]["sha256"]}"'
        assert stack.files(export["id"]) == [str(path.relative_to(stack.home / "files"))]
    stats = stack.sandbox.stats()
    assert stats["most_started"]["sandbox-c1"] == 5
    assert stats["starts"] == {"intelligems": 4, "buy_with_prime": 8}
    assert stats["throttled"] == 0
    assert stats["leaked_credentials"] == 0


def test_a_timeline_tells_every_step(stack: Stack) -> None:
    stack.start("worker")
    export = stack.wait_for(stack.submit(), "stored")
    events = stack.events(export["id"])
    kinds = [event["kind"] for event in events if event["kind"] != "wait"]
    assert kinds == ["accept", "admit", "start", "poll", "download"]
    assert [event["state"] for event in events][-1] == "stored"
    assert export["polls"] == len([event for event in events if event["step"] == "poll"])


def test_exports_accepted_while_no_worker_runs_are_taken_up_later(stack: Stack) -> None:
    ids = [stack.submit("shop-bwp", number) for number in range(3)]
    assert {stack.show(id_)["state"] for id_ in ids} == {"starting"}
    stack.start("worker")
    for id_ in ids:
        stack.wait_for(id_, "stored")


def test_a_stopping_worker_ends_cleanly_and_hands_its_steps_on(stack: Stack) -> None:
    stack.sandbox.fault("slow_body", seconds=0.05, after_bytes=1000)
    worker = stack.start("worker", LANDFALL_GRACE_SECONDS="0")
    id_ = stack.submit()
    stack.wait_for(id_, "ready")
    until(lambda: stack.sandbox.stats()["downloads"], "a download under way")
    worker.terminate()
    assert worker.wait(20) == 0
    handed_back = stack.show(id_)
    assert (handed_back["state"], handed_back["attempts"]) == ("ready", 0)
    stack.start("worker")
    stack.wait_for(id_, "stored")
    assert len(stack.files(id_)) == 1
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
