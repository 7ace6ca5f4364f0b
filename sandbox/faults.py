"""Holds the faults that were asked for until a request meets them."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sandbox.account_names import intelligems_account
from sandbox.fault_kinds import FAULT_KINDS, OPERATIONS
from sandbox.reports import State
from sandbox.visit import Visit


class FaultRefusedError(Exception):
    """A fault was asked for in a way that cannot be met; the text names the field and the cure."""


@dataclass
class Fault:
    """One fault, to strike ``count`` more requests that match every field which is set."""

    fault: str
    count: int = 1
    vendor: str | None = None
    account: str | None = None
    report: str | None = None
    operation: str | None = None
    after_bytes: int | None = None
    seconds: float | None = None
    status: int | None = None
    bytes: int | None = None
    body: str | None = None
    location: str | None = None
    id: int = 0

    def strikes(self, visit: Visit) -> bool:
        """Tell whether this request is one to strike."""
        kind = FAULT_KINDS[self.fault]
        if kind.of_a_report and self.report is not None:
            may_strike = visit.report is not None
        else:
            may_strike = visit.operation in kind.operations
        return (
            may_strike
            and visit.vendor in kind.vendors
            and self.vendor in (None, visit.vendor)
            and self.operation in (None, visit.operation)
            and (self.account is None or visit.account in (self.account, intelligems_account(self.account)))
            and (self.report is None or (visit.report is not None and visit.report.id == self.report))
            and (self.fault not in _ONLY_WHILE or _stands(visit, _ONLY_WHILE[self.fault]))
        )


_ONLY_WHILE = {"running": State.STARTED, "goes_back": State.COMPLETED}
_WANTED = {"bytes": "the size of the CSV in bytes", "location": "the URL that is led to"}
_NUMBERS = {
    "count": (1, 1e9, "a whole number of at least 1"),
    "after_bytes": (0, 1e15, "a whole number of bytes"),
    "bytes": (0, 1e15, "a whole number of bytes"),
    "seconds": (0, 1e9, "a number of seconds"),
    "status": (400, 599, "an HTTP status from 400 to 599"),
}


def _stands(visit: Visit, state: State) -> bool:
    return visit.report is not None and visit.report.state is state


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name not in FAULT_KINDS:
        message = f"fault: there is no {name!r}; the names are {', '.join(FAULT_KINDS)}."
        raise FaultRefusedError(message)


def _check_number(field: str, value: object) -> None:
    least, most, wanted = _NUMBERS[field]
    if value is None and field != "count":
        return
    is_number = isinstance(value, int | float if field == "seconds" else int) and not isinstance(value, bool)
    if not is_number or not least <= cast("float", value) <= most:
        message = f"{field}: {value!r} will not do; give {wanted}."
        raise FaultRefusedError(message)


def _check_choice(field: str, value: object, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        message = f"{field}: {value!r} will not do for this fault; give one of {', '.join(choices)}, or null."
        raise FaultRefusedError(message)


def read_fault(wanted: object) -> Fault:
    """Read what the control call was given.

    Raises:
        FaultRefusedError: a name, field or value is wrong.

    """
    if not isinstance(wanted, Mapping):
        message = 'The body must be a JSON object such as {"fault": "throttle"}.'
        raise FaultRefusedError(message)
    fields: dict[str, Any] = dict(wanted)
    _check_name(fields.get("fault"))
    known = [each for each in Fault.__dataclass_fields__ if each != "id"]
    if strange := [each for each in fields if each not in known]:
        message = f"{strange[0]}: no such field; the fields are {', '.join(known)}."
        raise FaultRefusedError(message)
    kind = FAULT_KINDS[fields["fault"]]
    _check_choice("vendor", fields.get("vendor"), kind.vendors)
    _check_choice("operation", fields.get("operation"), OPERATIONS if kind.of_a_report else kind.operations)
    for field in _NUMBERS:
        _check_number(field, fields.get(field, 1 if field == "count" else None))
    for field in ("account", "report", "body", "location"):
        if not isinstance(fields.get(field), str | None):
            message = f"{field}: give a string, or null for any."
            raise FaultRefusedError(message)
    given = fields.get(kind.needs)
    if kind.needs and (given is None or (kind.bodies and given not in kind.bodies)):
        wanted_there = f"one of {', '.join(kind.bodies)}" if kind.bodies else _WANTED[kind.needs]
        message = f"{kind.needs}: {fields['fault']} needs {wanted_there}."
        raise FaultRefusedError(message)
    return Fault(**fields)


class FaultBook:
    """The faults that wait, oldest first, and how often each name has struck."""

    def __init__(self) -> None:
        """Start with none."""
        self._ids = itertools.count(1)
        self.waiting: list[Fault] = []
        self.struck: Counter[str] = Counter()

    def add(self, fault: Fault) -> Fault:
        """Let the fault wait for its requests."""
        fault.id = next(self._ids)
        self.waiting.append(fault)
        return fault

    def take(self, visit: Visit) -> Fault | None:
        """Return the oldest fault that strikes this request, one at most, and count it."""
        fault = next((each for each in self.waiting if each.strikes(visit)), None)
        if fault is not None:
            fault.count -= 1
            if fault.count == 0:
                self.waiting.remove(fault)
            self.struck[fault.fault] += 1
            visit.fault = fault.fault
        return fault
