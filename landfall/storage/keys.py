"""Names the file of an export after the template of the settings, whatever its labels hold."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from landfall.exports.job import ExportJob
from landfall.settings import SettingsError

LONGEST_PART = 200
_LONGEST_ID = 40
_NAME = re.compile(r"\{([^{}]*)\}")
_LABEL = re.compile(r"label\.[A-Za-z0-9_.-]{1,63}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._=-]")
_NO_LABEL = "none"
_VALUES: Mapping[str, Callable[[ExportJob], str]] = {
    "account": lambda job: job.account,
    "vendor": lambda job: job.vendor,
    "type": lambda job: job.report_type,
    "yyyy": lambda job: f"{_created(job).year:04d}",
    "mm": lambda job: f"{_created(job).month:02d}",
    "dd": lambda job: f"{_created(job).day:02d}",
    # A name that was given up is no later life's: what lies there may be removed at any moment.
    "export_id": lambda job: f"{job.id}-{job.withdrawals}" if job.withdrawals else job.id,
    "generation": lambda job: str(job.generation),
}
_NAMES = ", ".join(f"{{{name}}}" for name in (*_VALUES, "label.NAME"))


def artifact_key(template: str, job: ExportJob) -> str:
    """The name of an export's file below the store's root: the same at every attempt, until it is given up.

    Every part of it holds A-Z a-z 0-9 . _ = - only, does not begin with a dot and has at most 200 bytes: what a file
    system, an object store and a URL all take as it is.
    """
    return "/".join(_rendered(part, job) for part in template.split("/"))


def check_template(template: str) -> None:
    """Raise SettingsError, naming the cure, where a template could not name every export's file."""
    complaint = next(_complaints(template), None)
    if complaint:
        raise SettingsError(f"key_template: {complaint}.")


def _complaints(template: str) -> Iterator[str]:
    names = _NAME.findall(template)
    if template.startswith("/"):
        yield "begins with a slash; write it relative to the store's root, for example {account}/{export_id}.csv"
    for name in names:
        if name not in _VALUES and not _LABEL.fullmatch(name):
            yield f"there is no {{{_shown(name)}}}; use {_NAMES}"
    if "export_id" not in names:
        yield "lacks {export_id}, without which two exports would have one name; add it"
    for part in template.split("/"):
        yield from _part_complaints(part)


def _part_complaints(part: str) -> Iterator[str]:
    literal = _NAME.sub("", part)
    if not part:
        yield "holds an empty part; write exactly one slash between two parts and none at the end"
    if part.startswith("."):
        yield f"its part {_shown(part)} begins with a dot; begin it with a letter, a digit or a name in braces"
    if unsafe := _UNSAFE.search(literal):
        yield f"holds {unsafe.group()!a}; write letters A-Z and a-z, digits, . _ = - and names in braces only"
    names = _NAME.findall(part)
    ids = names.count("export_id")
    if len(literal) + ids * _LONGEST_ID + len(names) - ids > LONGEST_PART:
        yield f"its part {_shown(part)} is longer than {LONGEST_PART} bytes; shorten it"


def _rendered(part: str, job: ExportJob) -> str:
    """Fill in one part; where it gets too long, every value but the export's id is cut."""
    names = _NAME.findall(part)
    whole = _NAME.sub(lambda found: _value(found.group(1), job), part)
    if len(whole) <= LONGEST_PART:
        return whole
    ids = names.count("export_id")
    kept = len(_NAME.sub("", part)) + ids * len(_value("export_id", job))
    room = max(1, (LONGEST_PART - kept) // max(1, len(names) - ids))
    return _NAME.sub(lambda found: _value(found.group(1), job)[: None if found.group(1) == "export_id" else room], part)


def _value(name: str, job: ExportJob) -> str:
    if name in _VALUES:
        return _safe(_VALUES[name](job))
    return _safe(job.labels.get(name.removeprefix("label."), _NO_LABEL))


def _safe(value: str) -> str:
    safe = _UNSAFE.sub("_", value)
    return safe if safe and not safe.startswith(".") else f"_{safe}"


def _created(job: ExportJob) -> datetime:
    return job.created_at.astimezone(UTC)


def _shown(text: str) -> str:
    return ascii(text[:60])[1:-1]
