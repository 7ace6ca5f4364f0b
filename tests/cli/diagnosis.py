"""Runs `landfall doctor` in a folder and looks its findings up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cli.running import landfall


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor said: each finding by its check, and the exit code."""

    code: int
    findings: list[dict[str, str]]

    def of(self, check: str) -> list[dict[str, str]]:
        return [each for each in self.findings if each["check"] == check]

    def status(self, check: str) -> list[str]:
        return [each["status"] for each in self.of(check)]

    def one(self, check: str, status: str) -> str:
        """What the only finding of this check with this status says, with its cure."""
        (found,) = (each for each in self.of(check) if each["status"] == status)
        assert bool(found["cure"]) == (status != "ok"), found
        return f"{found['found']} / {found['cure']}"


def diagnose(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Diagnosis:
    ended = landfall(folder, "doctor", "--json", *words, env=env)
    assert ended.stderr == ""
    findings = json.loads(ended.stdout)["items"]
    assert ended.returncode == int(any(each["status"] == "error" for each in findings))
    return Diagnosis(ended.returncode, findings)
