"""What runs the checks: .ci/run, the workflows, the hooks, and how strict the checks are."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.building import project_of
from tests.stack import ROOT

CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
PROJECT = project_of(ROOT)
PARTS = ["check", "docs", "test", "faults", "chaos"]

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    """YAML 1.1 takes the word `on` for a truth."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def jobs(path: Path) -> Mapping[str, Mapping[str, Any]]:
    return dict(read(path)["jobs"])


def commands() -> list[str]:
    return [step["run"] for path in WORKFLOWS for job in jobs(path).values() for step in job["steps"] if "run" in step]


def test_ci_runs_its_parts_in_order_and_each_is_a_target() -> None:
    assert re.findall(r"^if wanted (\w+)", CI, re.MULTILINE) == PARTS
    for part in PARTS:
        assert re.search(rf"^{part}: ", MAKEFILE, re.MULTILINE)


def test_a_part_that_ci_does_not_have_is_one_sentence() -> None:
    ran = subprocess.run([ROOT / ".ci" / "run", "tests"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "CI has no part tests: name check, docs, test, faults or chaos, or none for all.\n"


def test_the_workflows_keep_to_their_schema() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    checked = subprocess.run([*checker, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@each_workflow
def test_a_workflow_may_do_no_more_than_it_says_and_ends_in_time(path: Path) -> None:
    assert read(path)["permissions"] in ({}, {"contents": "read"})
    for job in jobs(path).values():
        assert job["timeout-minutes"] <= 90
        assert "write" not in {job.get("permissions", {}).get(name) for name in ("contents", "actions", "packages")}


@each_workflow
def test_an_action_is_named_with_its_version_and_a_checkout_keeps_no_password(path: Path) -> None:
    for job in jobs(path).values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*", step["uses"])
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_the_workflows_together_run_all_that_ci_does_and_say_nothing_of_their_own() -> None:
    named = [part for command in commands() for part in re.findall(r"\.ci/run ([a-z ]+)$", command)]
    assert set(" ".join(named).split()) == set(PARTS)
    for command in commands():
        for target in re.findall(r"^make (\w+)", command):
            assert re.search(rf"^{target}: ", MAKEFILE, re.MULTILINE)


def test_the_tests_run_on_every_python_that_the_project_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert jobs(ROOT / ".github" / "workflows" / "ci.yml")["check"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == named[0]


def test_the_hooks_are_valid_and_call_programs_of_the_environment() -> None:
    words = [sys.executable, "-m", "pre_commit", "validate-config", str(HOOKS)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (local,) = read(HOOKS)["repos"]
    assert local["repo"] == "local"
    here = Path(sys.executable).parent
    for hook in local["hooks"]:
        if hook["language"] == "system":
            assert (here / hook["entry"].split()[0].removeprefix(".venv/bin/")).exists()
        else:
            assert hook["language"] == "fail"


def test_every_rule_that_asks_for_a_docstring_holds_for_all_code_but_tests() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    asked = re.compile(r"D1\d\d")
    assert lint["select"] == ["ALL"]
    assert [rule for rule in lint["ignore"] if asked.match(rule)] == ["D105"]
    for where, rules in lint["per-file-ignores"].items():
        assert where == "tests/**" or not [rule for rule in rules if asked.match(rule)]
    assert "exclude" not in PROJECT["tool"]["ruff"]


def test_the_list_of_parts_names_every_pin_with_its_hashes(tmp_path: Path) -> None:
    lock = ROOT / "requirements" / "run.txt"
    made = tmp_path / "sbom.json"
    words = ["cyclonedx_py", "requirements", "--output-reproducible", "--output-file", str(made), str(lock)]
    subprocess.run([sys.executable, "-W", "ignore", "-m", *words], capture_output=True, check=True)
    (recipe,) = re.findall(r"-m (cyclonedx_py requirements --output-reproducible)", MAKEFILE)
    assert recipe == " ".join(words[:3])
    listed = {(each["name"], each["version"]) for each in read(made)["components"]}
    assert listed == set(re.findall(r"^(\S+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    assert made.read_text(encoding="utf-8").count('"alg": "SHA-256"') == lock.read_text(encoding="utf-8").count(
        "--hash="
    )


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="there is no shellcheck here")
def test_every_script_is_checked() -> None:
    (listed,) = re.findall(r"^SCRIPTS := (.*)$", MAKEFILE, re.MULTILINE)
    places = (ROOT / ".ci", ROOT / "deploy")
    found = {
        path.relative_to(ROOT).as_posix()
        for place in places
        for path in place.rglob("*")
        if path.is_file() and path.read_bytes()[:2] == b"#!"
    }
    assert set(listed.split()) == found
    subprocess.run(["shellcheck", *found], cwd=ROOT, env=dict(os.environ), check=True)
