"""Reads the Dockerfile's stages and instructions."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.composition import ROOT

FILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Copied:
    """A COPY: what it takes, from another stage or the folder of the build, and where to."""

    sources: list[str]
    target: str
    stage: str | None


@dataclass
class Stage:
    """The instructions of a stage, in order."""

    name: str
    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for each, rest in self.steps if each == word]

    def words(self, word: str) -> list[str]:
        """The last of an instruction that is written as a JSON list."""
        return list(json.loads(self.all(word)[-1]))

    def variables(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for rest in self.all("ENV") for pair in shlex.split(rest))

    def copies(self) -> Iterator[Copied]:
        for rest in self.all("COPY"):
            words = shlex.split(rest)
            flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
            *sources, target = (word for word in words if not word.startswith("--"))
            yield Copied(sources, target, flags.get("from"))


def defaults() -> dict[str, str]:
    """The build arguments that stand before the first stage."""
    before = FILE.read_text(encoding="utf-8").split("\nFROM ")[0]
    return dict(re.findall(r"^ARG (\w+)=(.*)$", before, re.MULTILINE))


def stages() -> list[Stage]:
    """Every stage."""
    found: list[Stage] = []
    for word, rest in _instructions(FILE):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(name, re.sub(r"\$\{(\w+)\}", lambda each: defaults()[each[1]], image)))
        elif found:
            found[-1].steps.append((word, rest))
    return found


def _instructions(file: Path) -> Iterator[tuple[str, str]]:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        yield word, " ".join(rest.split())
