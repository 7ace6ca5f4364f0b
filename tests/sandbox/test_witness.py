"""Promises of the witness: what it counts is what clients did."""

import pytest

from tests.sandbox.conftest import Launch, Sandbox


def test_the_counters_tell_what_was_done(quick: Sandbox) -> None:
    task_id = quick.start()
    quick.status(task_id)
    quick.status(task_id)
    quick.http.get(quick.link(task_id))
    quick.export()
    stats = quick.stats()
    assert stats["starts"] == {"intelligems": 1, "buy_with_prime": 1}
    assert stats["polls"] == {"intelligems": 0, "buy_with_prime": 2}
    assert stats["links"] == {"intelligems": 1, "buy_with_prime": 1}
    assert stats["most_started"] == {"sandbox-bwp": 1}
    assert stats["started_now"] == {"sandbox-bwp": 0}
    counts = {name: stats[name] for name in ("requests", "tokens", "downloads", "whole_downloads", "throttled")}
    assert counts == {"requests": 7, "tokens": 1, "downloads": 1, "whole_downloads": 1, "throttled": 0}


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "intelligems-access-token", "x-api-target-id", "x-api-version"]
)
def test_a_credential_that_reaches_the_file_host_is_counted(quick: Sandbox, name: str) -> None:
    url = quick.finished_link()
    quick.http.get(url)
    assert quick.stats()["leaked_credentials"] == 0
    quick.http.get(url, headers={name: "anything"})
    assert quick.stats()["leaked_credentials"] == 1


def test_a_part_of_a_body_is_no_whole_download(quick: Sandbox) -> None:
    quick.http.get(quick.finished_link(), headers={"Range": "bytes=10-"})
    assert (quick.stats()["downloads"], quick.stats()["whole_downloads"]) == (1, 0)


def test_a_report_tells_its_life(launch: Launch) -> None:
    sandbox = launch("--build-mean", "1", "--build-sigma", "0")
    task_id = sandbox.start()
    (young,) = sandbox.reports()
    assert (young["state"], young["finished_at"], young["sha256"]) == ("STARTED", None, None)
    while sandbox.status(task_id) == "STARTED":
        pass
    sandbox.http.get(sandbox.link(task_id))
    (report,) = sandbox.reports()
    assert report["id"] == task_id
    assert report["request"] == {"reportType": "USER_EVENTS"}
    assert report["build_seconds"] == pytest.approx(1)
    assert report["finished_at"] - report["requested_at"] == pytest.approx(1)
    assert report["first_poll_after_finish_at"] >= report["finished_at"]
    assert (report["links"], report["downloads"], report["whole_downloads"]) == (1, 1, 1)
    assert report["polls"] == sandbox.stats()["polls"]["buy_with_prime"]


def test_the_account_of_an_access_token_is_shown_without_it(quick: Sandbox) -> None:
    quick.export(token="sandbox-my-token")
    (report,) = quick.reports()
    assert report["account"].startswith("intelligems-")
    assert "my-token" not in str(report)


def test_a_reset_forgets_everything(quick: Sandbox) -> None:
    quick.start()
    quick.fault("throttle")
    quick.http.post(quick.ready["control"] + "/reset")
    assert quick.reports() == []
    assert quick.stats()["requests"] == 0
    assert quick.http.get(quick.ready["control"] + "/faults").json() == []
    assert quick.graphql("{ reportTask(taskId: 1) { status } }").status_code == 401
