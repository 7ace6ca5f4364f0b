"""How known weaknesses of the parts are told from no answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.free_port import free_port
from tests.stack import ROOT
from tools.audit import findings

LOCK = ROOT / "requirements" / "build.txt"
# As pip-audit writes them.
SOUND = {"name": "arq", "version": "0.28.0", "vulns": []}
WEAK = {
    "name": "jinja2",
    "version": "3.1.5",
    "vulns": [{"id": "GHSA-cpwx-vrp4-4pq7", "fix_versions": ["3.1.6"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "landfall-only", "skip_reason": "Dependency not found"}


def test_a_weakness_is_told_with_the_release_that_mends_it() -> None:
    found = findings({"dependencies": [SOUND, WEAK]})
    assert found.weaknesses == ["jinja2 3.1.5: GHSA-cpwx-vrp4-4pq7, mended in 3.1.6"]
    assert found.known == 2
    assert not found.is_silence


def test_a_part_that_nothing_is_known_of_is_no_weakness_and_is_named() -> None:
    found = findings({"dependencies": [SOUND, UNKNOWN]})
    assert found.weaknesses == []
    assert found.unknown == ["landfall-only"]
    assert not found.is_silence


def test_nothing_known_of_any_part_is_silence() -> None:
    assert findings({"dependencies": [UNKNOWN]}).is_silence


@pytest.mark.parametrize(("flags", "code"), [(["--offline-too"], 0), ([], 1)])
def test_without_a_network_it_says_so_and_fails_only_where_an_answer_is_needed(
    flags: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nobody)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    words = [sys.executable, "-m", "tools.audit", *flags, str(LOCK)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert "nobody could be asked for known weaknesses" in ran.stdout
    assert Path(LOCK).name in ran.stdout
    assert nobody not in ran.stdout + ran.stderr
