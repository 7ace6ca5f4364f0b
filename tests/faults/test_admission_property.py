"""Runs the property test of the throttle at length: a real defect was once found only so."""

import os
from functools import partial
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, text

from landfall.database.postgres import open_engine
from landfall.database.schema import metadata
from tests.database.bridge import Bridge
from tests.database.test_throttle import Throttle

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "4000"))
AT_LENGTH = settings(max_examples=EXAMPLES, stateful_step_count=80, deadline=None, phases=PHASES)
ON_POSTGRES = settings(max_examples=EXAMPLES // 20, stateful_step_count=50, deadline=None, phases=PHASES)


class ThrottleOnPostgres(Throttle):
    """The same over one database that is emptied before each example."""

    url: ClassVar[str]

    def empty_database(self) -> Engine:
        engine = open_engine(self.url, pool_size=1, idle_in_transaction_session_timeout="0").sync_engine
        with engine.begin() as connection:
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(text(f"TRUNCATE {names}"))
        return engine


@pytest.mark.timeout(1800)
@pytest.mark.faults(0, f"anything in any order, {EXAMPLES} x 80")
def test_no_order_of_events_overruns_the_throttle_or_leaks_a_slot() -> None:
    run_state_machine_as_test(Throttle, settings=AT_LENGTH)


@pytest.mark.timeout(1800)
@pytest.mark.faults(0, f"anything in any order on Postgres, {EXAMPLES // 20} x 50")
def test_nor_does_it_on_postgres(postgres_url: str) -> None:
    ThrottleOnPostgres.url = postgres_url
    bridge = Bridge()
    try:
        bridge.run(partial(run_state_machine_as_test, ThrottleOnPostgres, settings=ON_POSTGRES))
    finally:
        bridge.close()
