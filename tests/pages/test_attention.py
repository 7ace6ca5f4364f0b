"""Promises of the first page's list of what to look at."""

from pathlib import Path

from sqlalchemy import Connection

from landfall.database import accounts, ledger
from landfall.database.clock import read_clock
from landfall.database.keys import Scope
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from tests.api.conftest import NOWHERE
from tests.exports.jobs import make_job
from tests.pages.planting import entered, plant, read
from tests.stack import run_stack
from tests.vendors.sandbox_process import Sandbox

_GONE = "shop-gone"


def _leave_exports_of_an_account_that_the_settings_lack(connection: Connection) -> None:
    accounts.register(connection, {_GONE: AccountLimits("intelligems", 1)})
    now = read_clock(connection)
    due = {State.QUEUED: None, State.EXPORTING: now, State.STORED: None}
    left = [make_job(id=f"exp_{each}", request_hash=each, account=_GONE, state=each, due_at=due[each]) for each in due]
    ledger.accept(connection, left)


def test_exports_of_an_account_that_the_settings_lack_are_told_to_whoever_may_see_it(tmp_path: Path) -> None:
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path / "home", vendors) as stack:
        stack.start_api()
        plant(stack, _leave_exports_of_an_account_that_the_settings_lack)
        told = f"{_GONE}: 2 exports wait, and landfall.toml has no such account"
        with entered(stack) as visitor:
            assert told in read(visitor, "/", "matters")
            assert f'href="/exports?account={_GONE}"' in visitor.get("/").text
            assert "exp_queued" in visitor.get(f"/exports?account={_GONE}").text
        with entered(stack, Scope.READ, "shop-ab") as other:
            assert _GONE not in read(other, "/", "matters")
