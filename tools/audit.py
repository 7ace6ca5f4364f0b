"""Asks whether parts of a lock have known weaknesses, and tells that from not having been answered."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 10  # silence of the service after which it is not waited for
_ENOUGH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of the parts: a line for each weakness, and the parts that nothing could be learned of."""

    known: int
    weaknesses: Sequence[str]
    unknown: Sequence[str]

    @property
    def is_silence(self) -> bool:
        """Nothing could be learned at all, as without a network."""
        return not self.known


def findings(report: Mapping[str, Any]) -> Findings:
    """Read pip-audit's report (its JSON format)."""
    parts = report["dependencies"]
    asked = [part for part in parts if "skip_reason" not in part]
    weaknesses = [_told(part, weakness) for part in asked for weakness in part["vulns"]]
    return Findings(len(asked), weaknesses, [part["name"] for part in parts if "skip_reason" in part])


def _told(part: Mapping[str, Any], weakness: Mapping[str, Any]) -> str:
    mended = ", ".join(weakness["fix_versions"]) or "no release yet"
    return f"{part['name']} {part['version']}: {weakness['id']}, mended in {mended}"


def _ask(lock: Path) -> Findings:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        words = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", str(_SECONDS)]
        named = ["--requirement", str(lock), "--format", "json", "--output", str(report)]
        # Its exit code is 1 for a weakness and for no answer alike, and its words name where it looked.
        subprocess.run(  # noqa: S603 - the program stands beside this Python, its words are ours
            [sys.executable, "-m", "pip_audit", *words, *named],
            capture_output=True,
            check=False,
            timeout=_ENOUGH_SECONDS,
        )
        return findings(json.loads(report.read_bytes())) if report.exists() else Findings(0, (), ())


def _say(line: str) -> None:
    print(line)  # noqa: T201 - this is a command


def main(words: Sequence[str] | None = None) -> int:
    """0: no weakness is known; 1: one is, or nobody answered and that does not do."""
    parser = argparse.ArgumentParser(prog="python -m tools.audit", description=__doc__)
    parser.add_argument("lock", type=Path, help="a lock file with hashes")
    parser.add_argument("--offline-too", action="store_true", help="no answer is no failure")
    given = parser.parse_args(words)
    found = _ask(given.lock)
    if found.is_silence:
        _say(f"{given.lock}: nobody could be asked for known weaknesses; ask again with a network: make audit.")
        return 0 if given.offline_too else 1
    for line in (*found.weaknesses, *(f"{name}: nothing could be learned of it" for name in found.unknown)):
        _say(f"{given.lock}: {line}")
    _say(f"{given.lock}: {found.known} parts were asked for, {len(found.weaknesses)} weaknesses are known.")
    return 1 if found.weaknesses else 0


if __name__ == "__main__":
    sys.exit(main())
