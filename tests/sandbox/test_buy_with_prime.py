"""Promises of the Buy with Prime stand-in."""

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import LINK, POLL, START, Launch, Sandbox

SEED_START = """
mutation StartReportTask {
  startReportTask(
    input: {
      timeRange: {
        startDate: "2023-06-01T20:58:49Z"
        endDate: "2024-06-03T20:58:49Z"
      }
      reportType: "USER_EVENTS"
    }
  ) {
    taskId
  }
}
"""


def _classification(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    return dict(answer.json()["errors"][0]["extensions"]["classification"])


def test_the_seeds_own_documents_work_as_they_stand(quick: Sandbox) -> None:
    task_id = quick.graphql(SEED_START).json()["data"]["startReportTask"]["taskId"]
    assert task_id.startswith("USER_EVENTS:")
    polled = quick.graphql(f'query ReportTask {{ reportTask(taskId: "{task_id}") {{ status taskId }} }}').json()
    assert polled == {"data": {"reportTask": {"status": "COMPLETED", "taskId": task_id}}}
    link = quick.graphql(f'{{ reportDownloadLink(taskId: "{task_id}") {{ downloadUrl }} }}').json()
    assert quick.http.get(link["data"]["reportDownloadLink"]["downloadUrl"]).status_code == 200


@pytest.mark.parametrize("declared", ["ID!", "String!", "ID", "TaskIdentifier!"])
def test_the_type_a_client_declares_for_a_variable_is_not_held_against_it(quick: Sandbox, declared: str) -> None:
    task_id = quick.start()
    query = POLL.replace("ID!", declared)
    assert quick.graphql(query, id=task_id).json()["data"]["reportTask"]["status"] == "COMPLETED"


@pytest.mark.parametrize("query", ["query {", "query { noSuchField }", "query { reportTask { status } }"])
def test_a_document_that_is_not_valid_is_a_validation_error(quick: Sandbox, query: str) -> None:
    assert _classification(quick.graphql(query))["errorType"] == "ValidationException"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"reportType": "ORDERS"}, "InvalidReportType"),
        ({"timeRange": {"startDate": "yesterday", "endDate": "2024-06-03T20:58:49Z"}}, "InvalidDateFormat"),
        ({"timeRange": {"startDate": "2024-13-01T00:00:00Z", "endDate": "2024-06-03T20:58:49Z"}}, "InvalidDateFormat"),
        ({"timeRange": {"startDate": "2024-06-03T20:58:49", "endDate": "2024-06-04T20:58:49Z"}}, "InvalidDateFormat"),
        ({"timeRange": {"startDate": "2024-06-03T20:58:49Z", "endDate": "2024-06-03T20:58:49Z"}}, "InvalidDateRange"),
    ],
)
def test_a_start_that_is_wrong_says_which_way(quick: Sandbox, wanted: dict[str, Any], code: str) -> None:
    answer = quick.graphql(START, input={"reportType": "USER_EVENTS", **wanted})
    assert _classification(answer)["code"] == code
    assert quick.stats()["starts"]["buy_with_prime"] == 0


def test_a_token_of_a_wrong_secret_is_refused(quick: Sandbox) -> None:
    for answer in (quick.ask_token("sandbox-a", "guess"), quick.ask_token("shop", "shop-secret")):
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_token_may_be_asked_for_in_json(quick: Sandbox) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "sandbox-j", "client_secret": "sandbox-j-secret"}
    answer = quick.http.post(quick.ready["buy_with_prime"] + "/token", json=fields).json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 900)


def test_the_eleventh_token_request_in_ten_seconds_is_throttled(quick: Sandbox) -> None:
    assert [quick.ask_token().status_code for _ in range(11)] == [200] * 10 + [429]
    assert quick.ask_token("sandbox-other").status_code == 200


@pytest.mark.parametrize(
    ("missing", "status"), [("Authorization", 401), ("x-api-target-id", 403), ("x-api-version", 400)]
)
def test_a_missing_header_is_refused(quick: Sandbox, missing: str, status: int) -> None:
    headers = {name: value for name, value in quick.headers().items() if name != missing}
    answer = quick.http.post(quick.ready["buy_with_prime"] + "/graphql", json={"query": SEED_START}, headers=headers)
    assert answer.status_code == status


def test_a_token_past_its_life_is_refused(launch: Launch) -> None:
    assert launch("--token-seconds", "0").graphql(SEED_START).status_code == 401


def test_the_sixth_report_started_at_once_is_throttled_until_one_ends(launch: Launch) -> None:
    sandbox = launch("--build-mean", "3600")
    tasks = [sandbox.start() for _ in range(5)]
    refused = _classification(sandbox.graphql(START, input={"reportType": "USER_EVENTS"}))
    assert (refused["type"], refused["errorType"]) == ("ThrottlingError", "ThrottlingException")
    sandbox.start("sandbox-other-account")
    sandbox.fault("report_failed", report=tasks[0])
    assert sandbox.status(tasks[0]) == "FAILED"
    sandbox.start()
    stats = sandbox.stats()
    assert stats["most_started"] == {"sandbox-bwp": 5, "sandbox-other-account": 1}
    assert stats["started_now"] == {"sandbox-bwp": 5, "sandbox-other-account": 1}
    assert stats["throttled"] == 1


def test_a_report_belongs_to_the_account_that_started_it(quick: Sandbox) -> None:
    answer = quick.graphql(POLL, "sandbox-stranger", id=quick.start())
    assert _classification(answer)["errorType"] == "ResourceNotFoundException"
    assert answer.json()["data"] == {"reportTask": None}


@pytest.mark.slow
def test_a_report_past_its_days_is_gone_and_so_are_its_files(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0", "--report-days", "0.00002")
    task_id = sandbox.start()
    url = ""
    while not (answer := sandbox.graphql(LINK, id=task_id).json()).get("errors"):
        url = answer["data"]["reportDownloadLink"]["downloadUrl"]
    assert _classification(sandbox.graphql(POLL, id=task_id))["errorType"] == "ResourceNotFoundException"
    assert "NoSuchKey" in sandbox.http.get(url).text


def test_there_is_no_link_before_the_report_is_completed(launch: Launch) -> None:
    sandbox = launch("--build-mean", "3600")
    task_id = sandbox.start()
    assert sandbox.status(task_id) == "STARTED"
    assert _classification(sandbox.graphql(LINK, id=task_id))["errorCode"] == 400


def test_the_same_seed_draws_the_same_build_times(launch: Launch) -> None:
    drawn = []
    for _ in range(2):
        sandbox = launch("--seed", "3", "--build-mean", "3600")
        for _ in range(3):
            sandbox.start()
        drawn.append([report["build_seconds"] for report in sandbox.reports()])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 3
