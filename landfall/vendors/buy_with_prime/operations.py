"""Holds the GraphQL operations of Buy with Prime's analytics interface.

Types are those of the vendor's reference (version 2024-11-01): StartReportTaskInput, ID.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """A GraphQL operation with one field at its top; `creates` says that it makes something at the vendor."""

    name: str
    field: str
    document: str
    creates: bool = False

    def body(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The operation as the JSON body of a POST (graphql.org, "Serving over HTTP")."""
        return {"query": self.document, "operationName": self.name, "variables": variables}


START_REPORT_TASK = Operation(
    name="StartReportTask",
    field="startReportTask",
    creates=True,
    document="""\
mutation StartReportTask($input: StartReportTaskInput!) {
  startReportTask(input: $input) {
    taskId
  }
}
""",
)

REPORT_TASK = Operation(
    name="ReportTask",
    field="reportTask",
    document="""\
query ReportTask($taskId: ID!) {
  reportTask(taskId: $taskId) {
    status
    requestTime
    lastUpdatedTime
    reportType
    taskId
  }
}
""",
)

REPORT_DOWNLOAD_LINK = Operation(
    name="ReportDownloadLink",
    field="reportDownloadLink",
    document="""\
query ReportDownloadLink($taskId: ID!) {
  reportDownloadLink(taskId: $taskId) {
    downloadUrl
  }
}
""",
)
