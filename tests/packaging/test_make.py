"""What the Makefile promises a newcomer."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.installing import run, skip_without_an_index
from tests.stack import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# What git would bring; the rest of the working tree is nobody's business here.
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "__pycache__", "peers", "tests", "docs", "benchmarks")

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The checkout, without what working on it has made."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    return folder


def dry_run(folder: Path, target: str) -> str:
    """What make would do for a target."""
    # make tells its children of itself, and a test may be one of them.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    words = ["make", "--dry-run", f"PYTHON={sys.executable}", target]
    return subprocess.run(words, cwd=folder, env=plain, capture_output=True, text=True, check=True).stdout


@needs_make
def test_the_demo_installs_the_run_time_list_and_what_builds_and_nothing_more(clone: Path) -> None:
    assert set(re.findall(r"--requirement (\S+)", dry_run(clone, "demo"))) == {
        "requirements/run.txt",
        "requirements/build.txt",
    }


@needs_make
@pytest.mark.parametrize("target", ["test", "faults", "chaos", "check", "docs"])
def test_every_part_of_ci_has_the_whole_list(clone: Path, target: str) -> None:
    assert "--requirement requirements/dev.txt" in dry_run(clone, target)


@needs_make
def test_a_lock_that_has_changed_makes_the_environment_anew(clone: Path) -> None:
    made = clone / ".venv"
    made.mkdir()
    for name in ("run", "dev", "landfall"):
        (made / name).touch()
    assert "pip install" not in dry_run(clone, "venv")
    newer = (made / "landfall").stat().st_mtime + 10
    os.utime(clone / "requirements" / "dev.txt", (newer, newer))
    assert "rm -rf .venv" in dry_run(clone, "venv")
    assert (made / "landfall").exists()


@needs_make
def test_a_list_that_only_developing_needs_leaves_the_environment_of_a_user_alone(clone: Path) -> None:
    made = clone / ".venv"
    made.mkdir()
    for name in ("run", "landfall"):
        (made / name).touch()
    newer = (made / "landfall").stat().st_mtime + 10
    os.utime(clone / "requirements" / "dev.txt", (newer, newer))
    assert "pip install" not in dry_run(clone, "demo")


def test_nothing_is_installed_from_a_list_without_its_hashes() -> None:
    for words in re.findall(r"\$\(call install,(.*)\)", MAKEFILE):
        assert "--requirement requirements/" in words or words.startswith("--no-deps --no-build-isolation")
    assert "$(if $(findstring .txt,$(1)),--require-hashes)" in MAKEFILE


def test_every_target_that_is_no_file_is_declared_so() -> None:
    (declared,) = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert set(declared.replace("\\\n", " ").split()) == targets


@needs_make
@pytest.mark.slow
def test_one_command_takes_a_clone_to_twelve_stored_files(clone: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "LANDFALL_"))}
    shown = run(["make", f"PYTHON={sys.executable}", "demo"], clone, plain)
    skip_without_an_index(shown)
    assert shown.stdout.count("agrees with the sandbox") == 12
    assert len([*clone.glob(".landfall-demo/*/home/files/**/*.csv")]) == 12
    shutil.rmtree(clone / ".venv")
