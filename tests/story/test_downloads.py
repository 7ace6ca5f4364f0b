"""Tells of downloads over real processes: links that end, reports that go, headers that change, wrong templates."""

from pathlib import Path

import pytest

from tests.cli.running import landfall, one_line, write_accounts
from tests.stack import Stack
from tests.story.store_watch import artifacts_of, manifest, parts, stored


@pytest.fixture
def stack(worker: Stack) -> Stack:
    worker.forget()
    return worker


@pytest.mark.parametrize("account", ["shop-bwp", "shop-ab"])
def test_a_link_that_ends_in_the_middle_of_a_body_costs_no_attempt(stack: Stack, account: str) -> None:
    stack.sandbox.fault("body_size", bytes=4_000_000)
    stack.sandbox.fault("download_dropped", after_bytes=3_000_000)
    stack.sandbox.fault("link_expired")
    export, artifact = stored(stack, stack.submit(account, force=True))
    (report,) = stack.sandbox.reports()
    assert export["file"]["sha256"] == report["sha256"]
    assert (report["downloads"], report["whole_downloads"]) == (3, 0)
    assert report["bytes_sent"] < artifact.stat().st_size + 1_500_000
    downloads = [event for event in stack.events(export["id"]) if event["step"] == "download"]
    assert [(event["kind"], event["attempt"]) for event in downloads] == [("download", 1)]
    stats = stack.sandbox.stats()
    assert sum(stats["starts"].values()) == 1
    assert stats["faults"] == {"body_size": 1, "download_dropped": 1, "link_expired": 1}


def test_links_that_are_never_taken_cost_no_attempt_either(stack: Stack) -> None:
    stack.sandbox.fault("link_expired", count=7)
    export, _ = stored(stack, stack.submit(force=True))
    downloads = [event for event in stack.events(export["id"]) if event["step"] == "download"]
    assert [(event["kind"], event["attempt"]) for event in downloads] == [("wait", 1), ("wait", 1), ("download", 1)]
    assert {event["error"]["code"] for event in downloads[:-1]} == {"link_expired"}
    assert sum(stack.sandbox.stats()["starts"].values()) == 1


@pytest.mark.parametrize("after_bytes", [None, 20_000], ids=["before", "midway"])
def test_a_report_that_is_gone_at_the_download_is_ordered_anew(stack: Stack, after_bytes: int | None) -> None:
    if after_bytes:
        stack.sandbox.fault("download_dropped", after_bytes=after_bytes)
    stack.sandbox.fault("report_gone", operation="download")
    export, artifact = stored(stack, stack.submit(force=True))
    assert export["generation"] == manifest(artifact)["generation"] == 2
    gone, served = stack.sandbox.reports()
    assert (gone["state"], served["whole_downloads"]) == ("GONE", 1)
    assert (export["file"]["sha256"], manifest(artifact)["report_id"]) == (served["sha256"], served["id"])
    assert artifacts_of(stack.home / "files", export["id"]) == [artifact]
    assert parts(stack.home / "files") == []


def test_a_header_that_changed_is_told_and_not_refused(stack: Stack) -> None:
    before, _ = stored(stack, stack.submit("shop-ab", force=True))
    stack.sandbox.fault("odd_body", body="new_column")
    changed, _ = stored(stack, stack.submit("shop-ab", force=True))
    assert set(changed["file"]["columns"]) - set(before["file"]["columns"]) == {"new_column"}
    assert (before["file"]["header_changed"], changed["file"]["header_changed"]) == (False, True)
    told = [event["note"] for event in stack.events(changed["id"]) if event["kind"] == "header changed"]
    assert told == ["1 column is new: new_column"]
    back, _ = stored(stack, stack.submit("shop-ab", force=True))
    again, _ = stored(stack, stack.submit("shop-ab", force=True))
    assert (back["file"]["header_changed"], again["file"]["header_changed"]) == (True, False)


@pytest.mark.parametrize("word", ["worker", "up"])
def test_a_wrong_template_ends_the_command_with_one_sentence(tmp_path: Path, word: str) -> None:
    write_accounts(tmp_path)
    ended = landfall(tmp_path, word, env={"LANDFALL_KEY_TEMPLATE": "{account}/{day}/{export_id}.csv"})
    assert ended.returncode == 1
    assert one_line(ended.stderr).startswith(f"landfall {word}: key_template: there is no {{day}}; use {{account}}")
