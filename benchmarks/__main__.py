"""Runs the benchmarks: `python -m benchmarks`, or `make bench`."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks.cases import quick
from benchmarks.contender import Contender, measure
from benchmarks.contenders import OURS, theirs
from benchmarks.errors import NotFinishedError
from benchmarks.figures import Figures, medians
from benchmarks.idle import idle
from benchmarks.peer_session import PYTHON
from benchmarks.table import failure, heading, row

_IDLE = "landfall-idle"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, and how."""

    contenders: Sequence[Contender]
    idle: bool
    quick: bool
    repeat: int
    variables: Mapping[str, str]


def main() -> int:
    """Run what the command line selects; exit code 1 if a contender did not finish, 2 if nothing is selected."""
    arguments = _parser().parse_args()
    every = OURS + theirs(arguments.peers)
    if arguments.list:
        _say("\n".join([f"{each.name:18} {each.title}" for each in every] + [f"{_IDLE:18} landfall up, idle"]))
        return 0
    plan = _plan(arguments, every)
    if not (plan.contenders or plan.idle):
        _say("Nothing is selected: --list shows the names.")
        return 2
    began = time.monotonic()
    results, complete = _run(plan)
    _say(f"\n{_circumstances()}; {time.monotonic() - began:.0f} s in all")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0 if complete else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="run these; may hold wildcards (landfall-a-*)")
    parser.add_argument("--list", action="store_true", help="show the names")
    parser.add_argument("--quick", action="store_true", help="small cases; the figures are rough")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run each N times and show medians")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures there as well")
    parser.add_argument("--peers", type=Path, default=PYTHON, metavar="PYTHON", help="the Python that has the peers")
    parser.add_argument(
        "--set", action="append", default=[], type=_variable, metavar="NAME=VALUE", help="a LANDFALL_ setting"
    )
    return parser


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.startswith("LANDFALL_"):
        raise argparse.ArgumentTypeError(f"{text!r} will not do; write it as LANDFALL_NAME=VALUE")
    return name, value


def _plan(arguments: argparse.Namespace, every: Sequence[Contender]) -> Plan:
    def wanted(name: str, *, default: bool) -> bool:
        return any(fnmatch(name, pattern) for pattern in arguments.only) if arguments.only else default

    chosen = [each for each in every if wanted(each.name, default=each.default)]
    if any(each.peer for each in chosen) and not arguments.peers.exists():
        _say(f"The peers are left out: there is no {arguments.peers.name} in build/peers; make bench-peers makes it.\n")
        chosen = [each for each in chosen if not each.peer]
    with_idle = wanted(_IDLE, default=True)
    return Plan(chosen, with_idle, arguments.quick, max(1, arguments.repeat), dict(arguments.set))


def _run(plan: Plan) -> tuple[dict[str, Any], bool]:
    results: dict[str, Any] = {"circumstances": _circumstances(), "quick": plan.quick, "settings": dict(plan.variables)}
    if plan.contenders:
        _say(heading())
    for contender in plan.contenders:
        try:
            runs = _measure(contender, plan)
        except NotFinishedError as error:
            results[contender.name] = {"failed": str(error)}
            _say(failure(contender.title, str(error)))
        else:
            results[contender.name] = {"median": medians(runs).as_json(), "runs": [each.as_json() for each in runs]}
            _say(row(contender.title, medians(runs)))
    if plan.idle:
        results[_IDLE] = _measure_idle(plan)
    failed = [name for name, result in results.items() if isinstance(result, dict) and "failed" in result]
    return results, not failed


def _measure_idle(plan: Plan) -> dict[str, Any]:
    posts, seconds = (10, 5.0) if plan.quick else (60, 20.0)
    try:
        found = idle(posts=posts, seconds=seconds, variables=plan.variables)
    except NotFinishedError as error:
        _say(f"\nidle: {error}")
        return {"failed": str(error)}
    _say("\n" + "\n".join(f"{name.replace('_', ' ')}: {value:.1f}" for name, value in found.items()))
    return found


def _measure(contender: Contender, plan: Plan) -> list[Figures]:
    case = quick(contender.case) if plan.quick else contender.case
    return [measure(contender, case, plan.variables) for _ in range(plan.repeat)]


def _circumstances() -> str:
    one, five, _ = os.getloadavg()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} cores, load average {one:.1f} ({five:.1f} over five minutes)"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
