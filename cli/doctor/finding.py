"""Defines what a check finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from landfall.settings import Settings
from landfall.vendors.account import Account


class Status(StrEnum):
    """How bad it is: an error keeps exports from being stored, a warning may come to it."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found where, and the cure, empty where nothing is to be cured."""

    check: str
    status: Status
    found: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is checked: the settings, those of its accounts that can be read, and whether vendors may be asked."""

    settings: Settings
    accounts: Mapping[str, Account]
    offline: bool


Check = Callable[[Installation], Iterable[Finding]]


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, found)


def warning(check: str, found: str, cure: str) -> Finding:
    """It works for now."""
    return Finding(check, Status.WARNING, found, cure)


def error(check: str, found: str, cure: str) -> Finding:
    """It does not work."""
    return Finding(check, Status.ERROR, found, cure)


def wrong_setting(check: str, problem: Exception) -> Finding:
    """A sentence of SettingsError's, whose cure stands behind its first semicolon."""
    found, _, cure = str(problem).rstrip(".").partition("; ")
    return error(check, found, cure or "correct it in the settings")
