"""Puts several texts in Prometheus' format together into one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

# https://prometheus.io/docs/instrumenting/exposition_formats/
_COMMENT = re.compile(r"# (?:HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*)(?: .*)?")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?( \S+)")
_ACCOUNT = re.compile(r'(?:^|,)account="((?:[^"\\]|\\.)*)"')
# What tells nothing of anybody's account.
_FOR_ALL = frozenset({"landfall_build_info", "landfall_database_up", "landfall_workers_alive"})


@dataclass(frozen=True, slots=True)
class _Sample:
    account: str | None
    line: str


@dataclass(slots=True)
class _Family:
    comments: list[str] = field(default_factory=list)
    samples: list[_Sample] = field(default_factory=list)


class Exposition:
    """Metrics by their names: each name stands once, before its samples, whoever they come from."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._families: dict[str, _Family] = {}

    def add(self, text: str, worker: str | None = None) -> None:
        """Add what somebody exposes, each sample with a label that names the worker; lines of another form are left out."""
        label = f'worker="{_escaped(worker)}"' if worker is not None else ""
        family, known = _Family(), set(self._families)
        for line in text.splitlines():
            if comment := _COMMENT.fullmatch(line):
                name = comment[1]
                family = self._families.setdefault(name, _Family())
                if name not in known:
                    family.comments.append(line)
            elif sample := _SAMPLE.fullmatch(line):
                family.samples.append(_labelled(sample, label))

    def text(self, sees: Callable[[str], bool] | None = None) -> str:
        """Everything; with `sees` only what belongs to the accounts that it is true of, or to none in particular."""
        lines: list[str] = []
        for name, family in self._families.items():
            samples = [each.line for each in family.samples if _is_shown(name, each, sees)]
            if samples:
                lines += family.comments
                lines += samples
        return "\n".join([*lines, ""])


def _labelled(sample: re.Match[str], label: str) -> _Sample:
    name, labels, value = sample[1], sample[2] or "", sample[3]
    account = _ACCOUNT.search(labels)
    every = ",".join(part for part in (label, labels) if part)
    return _Sample(account[1] if account else None, f"{name}{{{every}}}{value}" if every else f"{name}{value}")


def _is_shown(name: str, sample: _Sample, sees: Callable[[str], bool] | None) -> bool:
    if sees is None or name in _FOR_ALL:
        return True
    return sample.account is not None and sees(sample.account)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
