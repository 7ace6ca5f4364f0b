"""Promises that README.md does what it says: from a fresh checkout to proven CSV files, in the order of its blocks."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.docs.house import run_house
from tests.docs.pages import ROOT, Page

_RUN = {"sh", "python"}
# How this machine reaches a registry of packages; everything else of the environment is left behind.
_OF_THE_NETWORK = re.compile(r"PIP_\w+|UV_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|XDG_CONFIG_DIRS|\w+_proxy|\w+_PROXY")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """What a clone of the working tree would hold."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout: git lists no files")
    folder = tmp_path / "landfall"
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder / ".venv", ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_readme_lands_a_proven_csv_from_a_fresh_checkout(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    readme = Page("README.md")
    blocks = [block for block in readme.blocks if block.language in _RUN and block.not_run is None]
    assert "make demo" in blocks[0].text
    assert ".venv/bin/activate" in readme.path.read_text(encoding="utf-8")
    base = Path(getattr(sys, "_base_executable", sys.executable)).parent
    kept = {name: value for name, value in os.environ.items() if _OF_THE_NETWORK.fullmatch(name)}
    kept["PATH"] = f"{checkout / '.venv' / 'bin'}:{base}:/usr/local/bin:/usr/bin:/bin"
    began = time.time()
    with run_house(checkout, readme.blocks, kept) as house:
        assert house.sandbox
        for block in blocks:
            house.run(block)
        made = {report["sha256"] for report in house.sandbox.reports()}
    fetched = {path.name: sha256(path.read_bytes()).hexdigest() for path in checkout.glob("*.csv")}
    assert len(fetched) >= 2
    assert set(fetched.values()) <= made
    first = min(path.stat().st_mtime for path in (checkout / ".landfall-demo").rglob("files/**/*.csv"))
    with capsys.disabled():
        sys.stdout.write(f"\nfrom the checkout to the first stored CSV: {first - began:.0f} s\n")
