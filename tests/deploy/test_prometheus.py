"""Promises of the Prometheus rules: each alarm sounds when it should, and asks for metrics that there are."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import dashboards
from tests.deploy.dashboards import PROMETHEUS, Showing
from tests.exposed import Exposed
from tests.stack import ROOT, Stack, run_stack, until
from tests.vendors.sandbox_process import run_sandbox

FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "rules" / "landfall.yml"
TRIED = sorted((FOLDER / "tests").glob("*.yml"))
GUIDE = "docs/how-to/incidents.md"
SEVERITIES = {"critical", "warning", "info"}
NAME = re.compile(r"\b(?:landfall_\w+|up\b)")
OF_A_FAMILY = re.compile(r"_(?:bucket|sum|count)$")
TARGET = """
[accounts.shop-bwp.freshness]
USER_EVENTS = "PT1S"
"""
PANELS = [
    (uid, panel, target)
    for uid, dashboard in ((each["uid"], each) for each in dashboards.load())
    for panel in dashboards.panels(dashboard)
    for target in panel["targets"]
    if panel["datasource"]["uid"] == PROMETHEUS
]
SHOWING = Showing({"account": ["shop-bwp", "shop.ab"]}, interval="1m")


def rules() -> list[dict[str, Any]]:
    """Every rule."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def promtool(*arguments: str) -> str:
    """What promtool says; the test is skipped where there is none."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: it comes with Debian's package prometheus")
    found = subprocess.run(["promtool", *arguments], capture_output=True, check=False, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def panel_queries() -> Iterator[str]:
    """What the dashboards ask of Prometheus, as it gets it."""
    for uid, _, target in PANELS:
        showing = replace(SHOWING, variables={"account": "shop-bwp"}) if uid == "landfall-account" else SHOWING
        yield dashboards.promql_as_sent(target["expr"], showing)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    """A scrape of an API beside a worker that has stored an export and been throttled once."""
    home = tmp_path_factory.mktemp("prometheus") / "home"
    with run_sandbox("--build-mean", "0.1", "--bytes", "2000") as sandbox, run_stack(home, sandbox, TARGET) as stack:
        sandbox.fault("throttle", count=1)
        stack.start_api()
        stack.start("worker")
        stack.wait_for(stack.submit(), "stored")
        yield until(lambda: _scraped(stack), "a scrape with what the worker counted")


def _scraped(stack: Stack) -> Exposed | None:
    found = Exposed(stack.get("/metrics").text)
    counted = found.total("landfall_finished_exports_total") and found.total("landfall_step_errors_total")
    return found if counted else None


def test_the_rules_are_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_the_configuration_is_one_and_finds_the_rules_and_the_key(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "prometheus")
    config, key = tmp_path / "prometheus" / "prometheus.yml", tmp_path / "key"
    key.write_text("key", encoding="ascii")
    text = config.read_text(encoding="utf-8")
    assert "/run/secrets/prometheus_key" in text
    config.write_text(text.replace("/run/secrets/prometheus_key", str(key)), encoding="utf-8")
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "config", str(config))


@pytest.mark.slow
@pytest.mark.parametrize("path", TRIED, ids=lambda path: path.stem)
def test_alarms_sound_when_they_should(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(path))


def test_every_alarm_is_tried_sounding_and_silent() -> None:
    sounding: set[str] = set()
    silent: set[str] = set()
    for path in TRIED:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for question in test["promql_expr_test"]:
                name = re.findall(r'alertname="(\w+)"', question["expr"])[0]
                (sounding if question["exp_samples"] else silent).add(name)
    assert sounding == silent == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alarm_says_how_bad_it_is_and_where_to_read_on(alert: Mapping[str, Any]) -> None:
    assert alert["labels"]["severity"] in SEVERITIES
    notes = alert["annotations"]
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")
    assert notes["runbook"] == f"{GUIDE}#{alert['alert'].lower()}"
    head = f"\n### {alert['alert']}\n\n**{alert['labels']['severity']}**: "
    assert head in (ROOT / GUIDE).read_text(encoding="utf-8")


def test_the_guide_tells_of_no_alarm_that_there_is_not() -> None:
    told = re.findall(r"^### (\w+)$", (ROOT / GUIDE).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(ALERTS)


@pytest.mark.slow
def test_rules_and_dashboards_ask_for_metrics_that_a_scrape_brings_and_the_docs_tell_of(exposed: Exposed) -> None:
    asked = [*(rule["expr"] for rule in rules()), *panel_queries()]
    names = {name for text in asked for name in NAME.findall(text)} - {"up"}
    brought = {sample.name for family in exposed.families for sample in family.samples}
    assert names - brought == set()
    documented = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{OF_A_FAMILY.sub('', name)}`" not in documented] == []


def test_what_the_dashboards_ask_of_prometheus_is_promql(tmp_path: Path) -> None:
    asked = list(panel_queries())
    assert asked
    recorded = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(asked)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    assert "SUCCESS" in promtool("check", "rules", str(path))
