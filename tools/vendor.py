"""Fetches the browser parts of others anew, at the versions and sums of their lists: `python -m tools.vendor`."""

import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

_ROOT = Path(__file__).parents[1]
LISTS = (
    _ROOT / "api" / "pages" / "static" / "vendor" / "vendored.toml",
    _ROOT / "tests" / "browser" / "vendor" / "vendored.toml",
    _ROOT / "tools" / "site" / "vendor" / "vendored.toml",
)
PACKED = ".gz"


class VendoringError(Exception):
    """A part cannot be had as its list has it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a package; `sha256` is of its content, which is packed where the name ends with .gz."""

    package: str
    member: str
    path: Path
    sha256: str


def parts(listed_in: Path) -> list[Part]:
    """The files that a list names, which stand beside it."""
    with listed_in.open("rb") as file:
        packages = tomllib.load(file)["package"]
    return [
        Part(f"{each['name']}@{each['version']}", file["from"], listed_in.parent / name, file["sha256"])
        for each in packages
        for name, file in each["files"].items()
    ]


def content(path: Path) -> bytes:
    """What a vendored file holds, unpacked."""
    stored = path.read_bytes()
    return gzip.decompress(stored) if path.suffix == PACKED else stored


def _write(path: Path, text: bytes) -> None:
    # Other zlibs pack into other bytes: what has not changed stays as it is.
    if path.exists() and content(path) == text:
        return
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == PACKED else text)


def _fetched(wanted: list[Part]) -> Iterator[tuple[Part, bytes]]:
    """Each part with its content, from the registry that npm is set up for."""
    with tempfile.TemporaryDirectory() as folder:
        for package in dict.fromkeys(part.package for part in wanted):
            archive = Path(folder) / _pack(package, Path(folder))
            with tarfile.open(archive) as files:
                for part in wanted:
                    if part.package == package:
                        yield part, _read(files, part)


def _pack(package: str, folder: Path) -> str:
    if which("npm") is None:
        raise VendoringError("npm is not in PATH: install Node.js, which brings it")
    command = ["npm", "pack", "--silent", "--ignore-scripts", package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - the names are our lists'
    if done.returncode:
        # npm's own words may name the registry's host.
        raise VendoringError(f"npm cannot fetch {package}: look whether the version is there and npm has a registry")
    return done.stdout.strip()


def _read(files: tarfile.TarFile, part: Part) -> bytes:
    try:
        member = files.extractfile(f"package/{part.member}")
    except KeyError:
        member = None
    if member is None:
        raise VendoringError(f"{part.package} has no file {part.member}: mend `from` of {part.path.name} in its list")
    return member.read()


def main() -> None:
    """Write every listed file, or none and name the sums that differ."""
    fetched = list(_fetched([part for each in LISTS for part in parts(each)]))
    found = {part.path.name: (part.sha256, hashlib.sha256(text).hexdigest()) for part, text in fetched}
    differing = [
        f"{name}: the list has {listed}, npm {sent}" for name, (listed, sent) in found.items() if listed != sent
    ]
    if differing:
        raise VendoringError("nothing is written, sums differ:\n" + "\n".join(differing))
    for part, text in fetched:
        _write(part.path, text)


if __name__ == "__main__":
    try:
        main()
    except VendoringError as error:
        sys.exit(f"make vendor: {error}")
