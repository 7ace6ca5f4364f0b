"""What the lock files promise."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.building import project_of
from tests.packaging.locks import BUILD, DEV, FOLDER, RUN, needed_here, pins, versions
from tests.stack import ROOT

PROJECT = project_of(ROOT)["project"]
EXTRAS = PROJECT["optional-dependencies"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

each_lock = pytest.mark.parametrize("lock", [RUN, BUILD, DEV], ids=lambda lock: lock.stem)


@each_lock
def test_every_pin_is_one_version_that_its_hashes_prove(lock: Path) -> None:
    for pin, hashes in pins(lock):
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin


@each_lock
def test_no_lock_says_where_it_was_made(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--|(?<=\s)/\w+/", text, re.MULTILINE)


def test_the_locks_agree() -> None:
    developing = versions(DEV)
    for lock in (RUN, BUILD):
        for name, found in versions(lock).items():
            assert developing[name] == found, name


def needs(text: str) -> list[Requirement]:
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r "))]


@pytest.mark.parametrize(
    ("asked", "lock"),
    [
        (PROJECT["dependencies"], RUN),
        (project_of(ROOT / "client")["project"]["dependencies"], RUN),
        (project_of(ROOT)["build-system"]["requires"], BUILD),
        ([str(need) for name in ("build.in", "dev.in") for need in needs((FOLDER / name).read_text())], DEV),
        ([need for extra in EXTRAS.values() for need in extra], DEV),
    ],
    ids=["run", "client", "build", "dev", "extras"],
)
def test_what_is_asked_for_is_pinned_within_its_bounds(asked: list[str], lock: Path) -> None:
    pinned = versions(lock)
    for text in asked:
        need = Requirement(text)
        found = pinned[canonicalize_name(need.name)]
        assert all(need.specifier.contains(version, prereleases=True) for version in found), (text, found)


def test_an_extra_is_asked_for_in_the_same_words_where_the_tests_need_it() -> None:
    asked = {str(need) for need in needs((FOLDER / "dev.in").read_text(encoding="utf-8"))}
    for extra in EXTRAS.values():
        assert {str(Requirement(need)) for need in extra} <= asked


def test_what_has_no_next_major_to_keep_out_says_why_it_has_no_upper_bound() -> None:
    source = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for text in PROJECT["dependencies"]:
        if "<" not in text:
            assert re.search(rf'"{re.escape(text)}",\s+# \S', source), text


def closure(asked: list[str]) -> set[str]:
    """What has to be installed for these, all told."""
    found: set[str] = set()
    open_ends = [Requirement(text) for text in asked]
    while open_ends:
        need = open_ends.pop()
        name = canonicalize_name(need.name)
        if name not in found:
            found.add(name)
            below = (Requirement(text) for text in requires(name) or ())
            open_ends += [each for each in below if needed_here(each)]
    return found


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_image_installs_all_that_an_extra_needs(extra: str) -> None:
    (named,) = re.findall(rf'^ +{extra}\) names="\$names ([^"]+)"', DOCKERFILE, re.MULTILINE)
    listed = set(named.replace("\\\n", " ").split())
    assert listed <= versions(DEV).keys()
    assert listed == closure(EXTRAS[extra]) - (versions(RUN).keys() - listed)
