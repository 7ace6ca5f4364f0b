"""Parses and validates GraphQL documents against Buy with Prime's analytics schema."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    SKIP,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputType,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    build_schema,
    get_operation_ast,
    parse,
    parse_type,
    validate,
    visit,
)

SCHEMA = build_schema("""
    type Query {
      reportTask(taskId: ID!): ReportTask
      reportDownloadLink(taskId: ID!): ReportDownloadLink
    }
    type Mutation { startReportTask(input: StartReportTaskInput!): StartReportTaskOutput }
    input StartReportTaskInput { timeRange: TimeRangeInput, reportType: String! }
    input TimeRangeInput { startDate: String!, endDate: String! }
    type StartReportTaskOutput { taskId: ID! }
    type ReportTask {
      status: String!
      requestTime: String!
      lastUpdatedTime: String!
      reportType: String!
      taskId: ID!
    }
    type ReportDownloadLink { downloadUrl: String! }
""")
_OPERATIONS = {"startReportTask": "start", "reportTask": "poll", "reportDownloadLink": "link"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The first field of an operation: what it does, in the sandbox's word, and to which task."""

    operation: str | None
    task_id: str | None


class _Variables(Visitor):
    """Finds the input type at which each variable is used."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: dict[str, GraphQLInputType] = {}

    def enter_variable_definition(self, *_: object) -> VisitorAction:
        return SKIP

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        if wanted := self._types.get_input_type():
            self.found.setdefault(node.name.value, wanted)


class _Retyped(Visitor):
    """Gives each variable the type found for it."""

    def __init__(self, found: dict[str, GraphQLInputType]) -> None:
        super().__init__()
        self._found = found

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> VariableDefinitionNode | None:
        wanted = self._found.get(node.variable.name.value)
        if wanted is None:
            return None
        return VariableDefinitionNode(
            variable=node.variable,
            type=parse_type(str(wanted)),
            default_value=node.default_value,
            directives=node.directives,
            loc=node.loc,
        )


def _with_our_types(document: DocumentNode) -> DocumentNode:
    # The vendor publishes no names for its scalars and inputs: whatever a client declares must not be held against it.
    types = TypeInfo(SCHEMA)
    variables = _Variables(types)
    visit(document, TypeInfoVisitor(types, variables))
    retyped: DocumentNode = visit(document, _Retyped(variables.found))
    return retyped


@lru_cache(maxsize=256)
def read_document(text: str) -> DocumentNode:
    """Return the document, ready to execute.

    Raises:
        ExceptionGroup: of GraphQLError, one for each thing wrong with the text.

    """
    try:
        document = _with_our_types(parse(text))
    except GraphQLError as error:
        message = "not GraphQL"
        raise ExceptionGroup(message, [error]) from None
    if errors := validate(SCHEMA, document):
        message = "not valid"
        raise ExceptionGroup(message, errors)
    return document


def what_is_asked(document: DocumentNode, operation_name: str | None, variables: dict[str, Any]) -> Asked:
    """Return what the operation's first field asks for."""
    operation: OperationDefinitionNode | None = get_operation_ast(document, operation_name)
    first = operation.selection_set.selections[0] if operation else None
    if not isinstance(first, FieldNode):
        return Asked(None, None)
    task_id = None
    for argument in first.arguments or ():
        match argument.value:
            case StringValueNode(value=value) if argument.name.value == "taskId":
                task_id = value
            case VariableNode(name=name) if argument.name.value == "taskId":
                task_id = variables.get(name.value)
    return Asked(_OPERATIONS.get(first.name.value), task_id if isinstance(task_id, str) else None)
