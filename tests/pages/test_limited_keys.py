"""Promises of what somebody sees whose key is limited to accounts: on no page anything of another."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from landfall.database import build_times, deliveries, keys, ledger, steering
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery
from landfall.database.keys import Scope
from landfall.exports.states import State
from tests.api.conftest import NOWHERE
from tests.exports.jobs import make_job
from tests.pages.browsing import Visitor
from tests.pages.conftest import OPERATED
from tests.pages.desk import FAULT
from tests.pages.planting import entered, plant, read
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox
from tests.webhooks.receiver import SECRET

OURS, THEIRS = "shop-ab", "shop-bwp"
MARK = "PlantedElsewhere"
DELIVERY = f"msg_{'e' * 32}"
PAGES = [
    "/",
    "/?range=30d",
    "/exports",
    f"/exports?account={THEIRS[:-1]}",
    f"/exports?label=team:{MARK[:-1]}",
    "/exports/new",
    "/exports/cancel",
    "/exports/retry",
    "/batches",
    "/accounts",
    "/accounts?range=7d&name=zzz",
    "/webhooks",
    "/webhooks?webhook=ops",
    "/workers",
    "/keys",
]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API where everything that there can be is another account's."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    home = tmp_path_factory.mktemp("busy") / "home"
    with run_stack(home, vendors, OPERATED, {"HOOK_SECRET": SECRET}) as stack:
        stack.start_api()
        plant(stack, fill)
        yield stack


def fill(connection: Connection) -> None:
    now = read_clock(connection)
    hour = timedelta(hours=1)
    make = partial(make_job, account=THEIRS, created_at=now - hour, labels={"team": MARK}, tenant=MARK)
    running = make(id="exp_running", request_hash="1", state=State.STARTING, leased=True, due_at=now + hour)
    held = make(id="exp_held", request_hash="2", state=State.EXPORTING, started_at=now - hour, due_at=now - hour)
    failed = make(id="exp_failed", request_hash="3", state=State.FAILED, error=FAULT, finished_at=now)
    ledger.accept(connection, [running, held, failed, make(id="exp_queued", request_hash="4")])
    build_times.record(connection, held, 240.0, now=now)
    keys.create(connection, MARK, Scope.READ, accounts=frozenset({THEIRS}))
    keys.create(connection, f"{MARK} of all", Scope.READ)
    told = Delivery(
        id=DELIVERY,
        webhook="ops",
        type="export.failed",
        subject=failed.id,
        account=THEIRS,
        payload="{}",
        created_at=now,
        due_at=now,
    )
    deliveries.add(connection, [told])
    steering.pause(connection, THEIRS, by=MARK)


@pytest.fixture(scope="module")
def limited(busy: Stack) -> Iterator[Visitor]:
    with entered(busy, Scope.ADMIN, OURS) as visitor:
        yield visitor


@pytest.mark.parametrize("path", PAGES)
def test_no_page_names_anything_of_another_account(busy: Stack, limited: Visitor, path: str) -> None:
    with entered(busy, Scope.ADMIN) as everybody:
        assert everybody.get(path).status_code == 200
    answer = limited.get(path)
    assert answer.status_code == 200
    told = [name for name in (THEIRS, MARK, "exp_", DELIVERY, FAULT.code) if name in answer.text.replace("exp_…", "")]
    assert told == []


@pytest.mark.parametrize(
    "path",
    [
        "/exports/exp_failed",
        "/exports/exp_failed/file",
        f"/webhooks/deliveries/{DELIVERY}",
        f"/exports/new?account={THEIRS}",
    ],
)
def test_what_is_of_another_account_is_answered_as_what_is_not_there(busy: Stack, limited: Visitor, path: str) -> None:
    there, nowhere = limited.get(path), limited.get(path.replace("failed", "nothing").replace("e" * 32, "a" * 32))
    assert (there.status_code, nowhere.status_code) == (404, 404)
    with entered(busy, Scope.ADMIN) as everybody:
        assert everybody.get(path).status_code != 404


def test_no_count_has_exports_of_another_account_in_it(busy: Stack, limited: Visitor) -> None:
    counts = read(limited, "/", "counts")
    for state in ("queued", "starting", "exporting", "ready", "stored", "failed"):
        assert f"0 {state}" in counts
    assert read(limited, "/", "matters") == "No worker is alive: nothing will be landed until one is started"
    assert "0 steps due" in read(limited, "/workers", "figures")
    with entered(busy, Scope.ADMIN) as everybody:
        assert "1 starting" in read(everybody, "/", "counts")
