"""Reads the filters of the list of exports as people type them, and says beside each what is wrong with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.auth import Caller, Reader
from api.list_filter import read_label
from api.pages.words import duration
from api.problems import ProblemError
from landfall.database.reading import Filter
from landfall.exports.states import State

NAMES = ("state", "account", "vendor", "label", "batch", "error", "since", "until")
_MOST_VALUES = 20
_MOMENTS = ("since", "until")
_LENGTH = re.compile(r"(\d{1,4}) ?(m|min|h|d)")
_UNITS = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_HOW_TO_WRITE = "write a date (2026-11-01), a moment in UTC (2026-11-01T12:00), or how long ago (24h, 7d)"


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the query of the list without it."""

    text: str
    without: str


@dataclass(frozen=True, slots=True)
class TypedFilter:
    """What was typed: `texts` has the values of each field, `errors` what is wrong with one, `filter` what they mean."""

    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    filter: Filter = field(default_factory=Filter)

    def text(self, name: str) -> str:
        """The one value of a field, empty where there is none."""
        return next(iter(self.texts.get(name, ())), "")

    def pairs(self, *but: str) -> list[tuple[str, str]]:
        """Every value under its field's name, but for those of some fields."""
        return [(name, value) for name in NAMES if name not in but for value in self.texts.get(name, ())]

    def query(self, *but: str, **changed: str) -> str:
        """The filter as the query of an address, some fields left out or changed."""
        return urlencode([*self.pairs(*but, *changed), *changed.items()])

    @property
    def chips(self) -> list[Chip]:
        """Each value that is set, and the way to be rid of it."""
        pairs = self.pairs()
        return [
            Chip(self._words(name, value), urlencode([each for each in pairs if each != (name, value)]))
            for name, value in pairs
        ]

    @property
    def words(self) -> str:
        """The filter in words: which exports it lets through."""
        return ", ".join(self._words(name, value) for name, value in self.pairs())

    def _words(self, name: str, value: str) -> str:
        if name in _MOMENTS and name not in self.errors:
            moment = self.filter.since if name == "since" else self.filter.until
            length = _length(value)
            exact = f"{moment:%Y-%m-%d %H:%M} UTC" if moment else value
            return (
                f"created {'since' if name == 'since' else 'before'} {f'{duration(length)} ago' if length else exact}"
            )
        return f"{name} {value}"


def read(texts: Mapping[str, Sequence[str]], caller: Caller, now: datetime) -> TypedFilter:
    """Read the fields; where one is wrong the filter stays empty, and lets nothing be done by it."""
    given = {name: _stripped(texts.get(name, ())) for name in NAMES}
    found: dict[str, object] = {}
    errors: dict[str, str] = {}
    for name, values in given.items():
        try:
            found[name] = _value(name, values, now)
        except ValueError as error:
            errors[name] = str(error)
    since, until = found.get("since"), found.get("until")
    if isinstance(since, datetime) and isinstance(until, datetime) and until <= since:
        errors["until"] = "it has to be later than the other end"
    typed = {name: values for name, values in given.items() if values}
    if errors:
        return TypedFilter(typed, errors, Filter(within=frozenset()))
    plural = {"states": found.pop("state"), "labels": found.pop("label")}
    return TypedFilter(typed, {}, Filter(**found, **plural, within=caller.accounts))  # type: ignore[arg-type]  # _value has made them


def _stripped(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text for value in values if (text := value.strip())))


def _value(name: str, values: Sequence[str], now: datetime) -> object:
    """What a field means. Raises ValueError with what is wrong."""
    if len(values) > _MOST_VALUES:
        raise ValueError(f"give {_MOST_VALUES} at most")
    if name == "state":
        return list(_states(values))
    if name == "label":
        return [_label(value) for value in values]
    if len(values) > 1:
        raise ValueError("give one")
    if not values:
        return None
    return _moment(values[0], now) if name in _MOMENTS else values[0]


def _states(values: Sequence[str]) -> Iterator[State]:
    for value in values:
        if value not in set(State):
            raise ValueError(f"there is no state {value!r}; there are {', '.join(State)}")
        yield State(value)


def _label(value: str) -> tuple[str, str]:
    try:
        return read_label(value)
    except ProblemError as problem:
        raise ValueError(problem.errors[0].detail) from None


def _length(value: str) -> timedelta | None:
    found = _LENGTH.fullmatch(value)
    return int(found[1]) * _UNITS[found[2]] if found else None


def _moment(value: str, now: datetime) -> datetime:
    length = _length(value)
    if length:
        return now - length
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_HOW_TO_WRITE) from None


async def _typed(  # FastAPI hands to a thread what is not async
    caller: Reader,
    *,
    state: Annotated[list[str] | None, Query()] = None,
    account: str = "",
    vendor: str = "",
    label: Annotated[list[str] | None, Query()] = None,
    batch: str = "",
    error: str = "",
    since: str = "",
    until: str = "",
) -> TypedFilter:
    single = {"account": account, "vendor": vendor, "batch": batch, "error": error, "since": since, "until": until}
    texts = {name: [value] for name, value in single.items()}
    return read({**texts, "state": state or [], "label": label or []}, caller, datetime.now(UTC))


Typed = Annotated[TypedFilter, Depends(_typed)]
