"""Promises of what becomes of several texts in Prometheus' format."""

from api.exposition import Exposition
from tests.exposed import Exposed

STEPS = """# HELP landfall_steps_total Steps.
# TYPE landfall_steps_total counter
landfall_steps_total{step="poll"} 3.0
# HELP landfall_lag_seconds Lag.
# TYPE landfall_lag_seconds histogram
landfall_lag_seconds_bucket{le="1.0"} 1.0
landfall_lag_seconds_bucket{le="+Inf"} 2.0
landfall_lag_seconds_count 2.0
landfall_lag_seconds_sum 1.5
"""


def test_the_same_family_of_several_workers_stands_once() -> None:
    exposition = Exposition()
    for worker in ("one", "two"):
        exposition.add(STEPS, worker=worker)
    exposed = Exposed(exposition.text())
    assert exposed.names == ["landfall_steps", "landfall_lag_seconds"]
    assert exposed.total("landfall_steps_total") == 6
    assert exposed.one("landfall_lag_seconds_bucket", worker="two", le="+Inf") == 2
    assert exposition.text().count("# HELP landfall_steps_total") == 1
    assert exposition.text().count("# TYPE landfall_steps_total") == 1


def test_a_workers_name_is_escaped() -> None:
    exposition = Exposition()
    exposition.add(STEPS, worker='a "host"\\with\nodd,account="x" letters')
    assert Exposed(exposition.text()).values("worker") == {'a "host"\\with\nodd,account="x" letters'}
    assert "landfall_steps_total" not in exposition.text(lambda account: account == "x")


def test_a_text_that_another_release_wrote_differently_spoils_no_other() -> None:
    exposition = Exposition()
    exposition.add(STEPS, worker="one")
    exposition.add("no metric at all\n# odd\nlandfall_steps_total{ 1\n\x00\n" + STEPS, worker="two")
    assert Exposed(exposition.text()).total("landfall_steps_total") == 6


def test_who_sees_one_account_gets_nothing_of_the_others_and_no_sums() -> None:
    exposition = Exposition()
    of_accounts = "".join(f'landfall_exports{{account="{name}",state="queued"}} 1.0\n' for name in ("a", "ab", "b"))
    exposition.add("# HELP landfall_exports Live.\n# TYPE landfall_exports gauge\n" + of_accounts)
    exposition.add(STEPS, worker="one")
    exposed = Exposed(exposition.text(lambda account: account == "a"))
    assert exposed.names == ["landfall_exports"]
    assert exposed.one("landfall_exports", account="a") == 1
    assert exposed.values("account") == {"a"}
