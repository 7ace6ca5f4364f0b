"""Builds both distributions as a release does, and looks into what comes of it."""

import hashlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What using and developing Landfall leaves in the folder.
PLANTED = (
    ".env",
    ".landfall/api-key",
    "landfall.toml",
    "landfall.db",
    "build/sbom.json",
    "deploy/compose/secrets/s3_secret",
)


@dataclass(frozen=True)
class Built:
    """What was built of one project: its wheel by way of its sdist, and its sdist."""

    wheel: Path
    sdist: Path

    def files(self) -> dict[str, str]:
        """Every file of the wheel and the SHA-256 of its content."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}

    def packed(self) -> dict[str, str]:
        """The wheel's files, less those that tell of the distribution itself."""
        return {name: digest for name, digest in self.files().items() if ".dist-info/" not in name}

    def metadata(self) -> str:
        with zipfile.ZipFile(self.wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return archive.read(name).decode()

    def needs(self) -> list[str]:
        """What the wheel says that it needs, extras among it."""
        head, _, _ = self.metadata().partition("\n\n")
        return [line.removeprefix("Requires-Dist: ") for line in head.splitlines() if line.startswith("Requires-Dist")]

    def top_level(self) -> set[str]:
        return {name.split("/")[0] for name in self.packed()}

    def in_the_sdist(self) -> set[str]:
        """The sdist's files, below its one folder."""
        with tarfile.open(self.sdist) as archive:
            return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


def build(project: Path, folder: Path) -> Built:
    """Build the sdist, and the wheel from it."""
    _run_build(project, folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


def wheel_at_once(project: Path, folder: Path) -> Path:
    """Build the wheel from the folder itself, as `pip install .` does."""
    _run_build(project, folder, "--wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _run_build(project: Path, folder: Path, *kind: str) -> None:
    words: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, *kind, project]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def project_of(folder: Path) -> Mapping[str, Any]:
    """A project's pyproject.toml."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def sources(root: Path, package: str) -> Iterator[Path]:
    """Every file of a package, as the working tree has it."""
    for path in (root / package).rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path
