"""Builds each distribution once for all tests of a process."""

import shutil
from pathlib import Path

import pytest

from tests.packaging.building import PLANTED, Built, build
from tests.stack import ROOT

# What is in no clone; .git as well, as a build from an sdist has none.
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".landfall*", ".*_cache", ".hypothesis", "__pycache__", "build", "dist"
)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as it is now, with what must not be published lying about in it."""
    folder = tmp_path_factory.mktemp("checkout") / "landfall"
    shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
    for name in PLANTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("planted")
    return folder


@pytest.fixture(scope="session")
def server(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(checkout, tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def client(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(checkout / "client", tmp_path_factory.mktemp("client"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty folder outside of the checkout."""
    assert ROOT not in tmp_path.parents
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder
