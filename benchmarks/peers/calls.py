"""Writes and reads the vendor's calls, whichever HTTP client carries them."""

from typing import Any

import httpx

_START = "mutation($input: StartReportTaskInput!) { startReportTask(input: $input) { taskId } }"
_STATUS = "query($taskId: ID!) { reportTask(taskId: $taskId) { status } }"
_LINK = "query($taskId: ID!) { reportDownloadLink(taskId: $taskId) { downloadUrl } }"


class ThrottledError(Exception):
    """All slots of the account are taken at the vendor."""


def token_form(account: str) -> dict[str, str]:
    """The form of a token request."""
    return {"grant_type": "client_credentials", "client_id": account, "client_secret": f"{account}-secret"}


def headers(token: str) -> dict[str, str]:
    """The headers of a call."""
    return {"authorization": f"Bearer {token}", "x-api-target-id": "bench", "x-api-version": "2024-11-01"}


def start(nth: int) -> dict[str, Any]:
    """The body that starts the nth report."""
    end = f"2026-{nth // 672 + 2:02}-{nth // 24 % 28 + 1:02}T{nth % 24:02}:00:00Z"
    wanted = {"reportType": "USER_EVENTS", "timeRange": {"startDate": "2026-01-01T00:00:00Z", "endDate": end}}
    return {"query": _START, "variables": {"input": wanted}}


def status(task: str) -> dict[str, Any]:
    """The body that asks how a report stands."""
    return {"query": _STATUS, "variables": {"taskId": task}}


def link(task: str) -> dict[str, Any]:
    """The body that asks for a download URL."""
    return {"query": _LINK, "variables": {"taskId": task}}


def answer(response: httpx.Response) -> dict[str, Any]:
    """The one field of an answer. Raises ThrottledError, or RuntimeError for any other error."""
    body = response.raise_for_status().json()
    if errors := body.get("errors"):
        kind = errors[0].get("extensions", {}).get("classification", {}).get("errorType")
        raise ThrottledError if kind == "ThrottlingException" else RuntimeError(errors[0]["message"])
    return dict(next(iter(body["data"].values())))


def is_finished(task: dict[str, Any]) -> bool:
    """Whether the report can be had. Raises RuntimeError where it never will."""
    if task["status"] == "FAILED":
        raise RuntimeError("the report failed")
    return bool(task["status"] == "COMPLETED")
