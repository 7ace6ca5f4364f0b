"""Promises of the Grafana dashboards: each question runs on a real Postgres, and each panel shows what it asks for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import asyncpg
import pytest
import yaml

from landfall.database.migrate import allow_reading
from landfall.database.opening import open_database
from landfall.database.readonly_role import ROLE
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.deploy import dashboards
from tests.deploy.dashboards import PROMETHEUS, SQL, Showing
from tests.deploy.planted import ERROR, plant
from tests.services.postgres import Postgres
from tests.stack import ROOT

DASHBOARDS = {dashboard["uid"]: dashboard for dashboard in dashboards.load()}
PANELS = [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in dashboards.panels(dashboard)]
VARIABLES = [
    (uid, each) for uid, dashboard in DASHBOARDS.items() for each in dashboard["templating"]["list"] if "query" in each
]
NOW = datetime.now(UTC)
SHOWING = Showing(since=NOW - timedelta(days=1), until=NOW + timedelta(hours=1))
ALL = {"account": list(LIMITS), "error_code": [ERROR]}
ONE = {**ALL, "account": "shop-bwp"}
NONE: Mapping[str, Sequence[str]] = {"account": [], "error_code": []}
COLUMNS = 24
MADE_BY_GRAFANA = {"time", "metric"}


def named(found: tuple[str, Mapping[str, Any]]) -> str:
    return f"{found[0]}: {found[1].get('title') or found[1].get('name')}"


def of(source: str) -> list[tuple[str, dict[str, Any]]]:
    return [(uid, panel) for uid, panel in PANELS if panel.get("datasource", {}).get("uid") == source]


def chosen(uid: str) -> Showing:
    return replace(SHOWING, variables=ONE if uid == "landfall-account" else ALL)


async def fill(url: str) -> None:
    async with open_database(Settings(database_url=url)) as database:
        await database.write(plant)


def ask(url: str, query: str) -> list[Mapping[str, Any]]:
    """What the role that Grafana logs in as is answered."""

    async def answered() -> list[Mapping[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(f"SET ROLE {ROLE}; SET default_transaction_read_only = on")
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return run(answered())


@pytest.fixture(scope="module")
def empty(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    url = postgres.new_database(postgres_template)
    allow_reading(Settings(database_url=url))
    yield url
    postgres.drop(url)


@pytest.fixture(scope="module")
def full(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    url = postgres.new_database(postgres_template)
    run(fill(url))
    allow_reading(Settings(database_url=url))
    yield url
    postgres.drop(url)


@pytest.mark.parametrize(("uid", "panel"), of(SQL), ids=map(named, of(SQL)))
def test_a_panels_question_is_answered_with_what_it_shows(full: str, uid: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        rows = ask(full, dashboards.sql_as_sent(target["rawSql"], chosen(uid)))
        assert rows
        columns = rows[0]
        if target["format"] == "time_series":
            # https://grafana.com/docs/grafana/latest/datasources/postgres/query-editor/#time-series-queries
            assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
            assert [name for name, value in columns.items() if isinstance(value, str)] in ([], ["metric"])
            assert len(columns) == 3 or "metric" not in columns
        spoken_of = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        shown = set(columns) - MADE_BY_GRAFANA
        assert spoken_of <= shown
        if panel["type"] == "stat":
            assert None not in columns.values()
        if panel["type"] == "table":
            assert spoken_of == shown, "a column has no heading"


@pytest.mark.parametrize(("uid", "panel"), of(SQL), ids=map(named, of(SQL)))
def test_a_panel_shows_nothing_rather_than_an_error_where_there_is_nothing(
    empty: str, uid: str, panel: dict[str, Any]
) -> None:
    showing = replace(SHOWING, variables={**NONE, "account": ""} if uid == "landfall-account" else NONE)
    for target in panel["targets"]:
        ask(empty, dashboards.sql_as_sent(target["rawSql"], showing))
    assert panel["fieldConfig"]["defaults"]["noValue"]


@pytest.mark.parametrize(("uid", "variable"), VARIABLES, ids=map(named, VARIABLES))
def test_a_variable_offers_what_there_is(full: str, uid: str, variable: dict[str, Any]) -> None:
    if variable["type"] == "textbox":
        assert variable["name"] == "landfall_url"
        return
    offered = ask(full, dashboards.sql_as_sent(variable["query"], SHOWING))
    assert {next(iter(row.values())) for row in offered} == set(ALL[variable["name"]])
    assert variable["multi"] == variable["includeAll"] == (uid != "landfall-account" or variable["name"] != "account")
    # https://grafana.com/docs/grafana/latest/datasources/postgres/template-variables/#query-variable
    assert variable["refresh"] == (2 if "$__time" in variable["query"] else 1)


def test_a_value_with_a_quote_stays_a_value() -> None:
    sent = dashboards.sql_as_sent("a = ${account:sqlstring}", replace(SHOWING, variables={"account": "o'brien"}))
    assert sent == "a = 'o''brien'"


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=map(named, PANELS))
def test_a_panel_says_what_it_shows_in_which_unit(uid: str, panel: dict[str, Any]) -> None:
    assert len(panel["description"]) > 10, uid
    assert panel["datasource"]["uid"] in {SQL, PROMETHEUS}
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["noValue"]
    assert panel["type"] not in {"stat", "timeseries"} or defaults["unit"]
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]
    for override in panel["fieldConfig"]["overrides"]:
        properties = {each["id"]: each["value"] for each in override["properties"]}
        name = override["matcher"]["options"]
        assert properties["displayName"]
        if name.endswith("_seconds"):
            assert properties["unit"] == "s"
        if name.endswith("_bytes"):
            assert properties["unit"] == "bytes"
        if name.endswith(("_at", "_until", "_end")):
            assert properties["unit"].startswith("dateTime")


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_panel_lies_upon_another(uid: str) -> None:
    places = [each["gridPos"] for each in DASHBOARDS[uid]["panels"]]
    assert all(place["x"] + place["w"] <= COLUMNS for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_every_panel_has_a_number_of_its_own(uid: str) -> None:
    numbers = [each["id"] for each in DASHBOARDS[uid]["panels"]]
    assert len(numbers) == len(set(numbers))


def test_every_dashboard_has_a_name_of_its_own_and_leads_to_the_others() -> None:
    assert len(DASHBOARDS) == len(dashboards.FILES)
    for dashboard in DASHBOARDS.values():
        assert dashboard["schemaVersion"] >= 39
        assert "landfall" in dashboard["tags"]
        assert any(link["type"] == "dashboards" and link["tags"] == ["landfall"] for link in dashboard["links"])


def test_links_lead_to_dashboards_that_there_are() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in dashboards.FILES)
    assert set(re.findall(r"/d/([\w-]+)", text)) <= set(DASHBOARDS)
    assert "${landfall_url:raw}/exports/${__value.raw:percentencode}" in text


def test_the_provisioned_sources_and_folder_are_those_that_the_dashboards_need() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "landfall.yaml").read_text(encoding="utf-8"))
    found = {source["uid"]: source for source in sources["datasources"]}
    used = {(panel["datasource"]["uid"], panel["datasource"]["type"]) for _, panel in PANELS}
    assert used == {(uid, source["type"]) for uid, source in found.items()}
    assert found[SQL]["user"] == ROLE
    assert found[SQL]["secureJsonData"] == {"password": "$__file{/run/secrets/readonly_password}"}
    providers = yaml.safe_load((provisioning / "dashboards" / "landfall.yaml").read_text(encoding="utf-8"))
    assert [each["options"]["path"] for each in providers["providers"]] == ["/var/lib/grafana/dashboards"]
