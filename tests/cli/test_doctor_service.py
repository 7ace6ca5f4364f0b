"""Promises that `landfall doctor` sees how API, workers, accounts and exports stand, and shows no secret."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, update

from landfall import __version__
from landfall.database import accounts, ledger, workers
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.migrate import migrate
from landfall.database.service_tables import workers as workers_table
from landfall.database.sqlite import open_engine
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from landfall.settings import Settings
from tests.cli.diagnosis import diagnose
from tests.cli.running import Up, landfall, write_accounts
from tests.exports.jobs import make_job
from tests.free_port import free_port

PLANTED = "Kq7xPlanted"


@pytest.fixture
def folder(tmp_path: Path, vendors: Mapping[str, str]) -> Path:
    """A folder with settings that are in order and a database with their accounts."""
    write_accounts(tmp_path, vendors)
    migrate(Settings(home=tmp_path / ".landfall"))
    limits = {"shop-ab": AccountLimits("intelligems", 5), "shop-bwp": AccountLimits("buy_with_prime", 5)}
    write(tmp_path, lambda connection: accounts.register(connection, limits))
    return tmp_path


def write(folder: Path, work: Callable[[Connection], object]) -> None:
    engine = open_engine(folder / ".landfall" / "landfall.db", "BEGIN IMMEDIATE", size=1)
    with engine.begin() as connection:
        work(connection)
    engine.dispose()


def test_exports_that_wait_for_no_worker_are_an_error(folder: Path) -> None:
    write(folder, lambda connection: ledger.accept(connection, [make_job(account="shop-bwp")]))
    assert "1 export wait" in diagnose(folder, "--offline").one("workers", "error")


def test_workers_of_another_release_or_silent_ones_are_a_warning(folder: Path) -> None:
    write(folder, lambda connection: workers.report(connection, workers.Report("old:1:a", "0.0.1", 0, "")))
    assert f"old:1:a is of release 0.0.1, this is {__version__}" in diagnose(folder, "--offline").one(
        "workers", "warning"
    )
    table = workers_table
    write(folder, lambda it: it.execute(update(table).values(seen_at=read_clock(it) - timedelta(minutes=5))))
    silent = [each["found"] for each in diagnose(folder, "--offline").of("workers")]
    assert any("old:1:a has been silent for 5 min" in found for found in silent)


def test_an_export_that_was_due_long_ago_is_an_error(folder: Path) -> None:
    def plant(connection: Connection) -> None:
        due = read_clock(connection) - timedelta(minutes=10)
        ledger.accept(connection, [make_job(account="shop-bwp", state=State.EXPORTING, due_at=due, started_at=due)])

    write(folder, plant)
    assert "1 export overdue, the first for 10 min" in diagnose(folder, "--offline").one("exports", "error")


def test_an_export_that_has_been_queued_for_days_is_a_warning(folder: Path) -> None:
    def plant(connection: Connection) -> None:
        asked_at = read_clock(connection) - timedelta(days=2)
        ledger.accept(connection, [make_job(account="shop-bwp", created_at=asked_at)])

    write(folder, plant)
    assert "queued for 48 h" in diagnose(folder, "--offline").one("exports", "warning")


def test_exports_of_an_account_that_is_no_longer_in_the_settings_are_an_error(folder: Path) -> None:
    def plant(connection: Connection) -> None:
        accounts.register(connection, {"shop-gone": AccountLimits("intelligems", 5)})
        ledger.accept(connection, [make_job(account="shop-gone")])

    write(folder, plant)
    found = diagnose(folder, "--offline").one("account shop-gone", "error")
    assert found.startswith("landfall.toml has no such account, and it has 1 export that did not end / put it back")


def test_accounts_that_are_paused_blocked_or_broken_are_told_with_the_cure(folder: Path) -> None:
    def plant(connection: Connection) -> None:
        soon = read_clock(connection) + timedelta(hours=1)
        accounts.pause(connection, "shop-ab", soon, "anna")
        fault = {"error_code": "credentials_refused", "error_message": "no", "error_action": "Renew them."}
        burden = {"blocked_until": soon, "open_until": soon, **fault}
        connection.execute(update(t.accounts).where(t.accounts.c.name == "shop-bwp").values(**burden))

    write(folder, plant)
    found = diagnose(folder, "--offline")
    assert found.one("account shop-ab", "warning") == "paused by anna / landfall resume shop-ab"
    assert "credentials_refused: no / Renew them" in found.one("account shop-bwp", "error")
    assert "wants no call until" in found.one("account shop-bwp", "warning")


def test_a_key_that_the_api_refuses_is_an_error(running: Up) -> None:
    found = diagnose(running.folder, "--offline", env={"LANDFALL_API_KEY": f"lf_{PLANTED}"})
    assert "refuses the key" in found.one("api", "error")
    assert PLANTED not in str(found)


def test_without_settings_the_api_that_landfall_url_names_tells_of_its_parts_and_accounts(
    paused: Up, tmp_path: Path
) -> None:
    env = {"LANDFALL_URL": paused.url, "LANDFALL_API_KEY": paused.key}
    found = diagnose(tmp_path, env=env)
    assert found.code == 0
    parts = ("settings", "database", "schema", "redis", "store", "workers", "api", "account shop-ab")
    assert [found.status(part) for part in parts] == [["ok"]] * len(parts)
    assert found.one("account shop-bwp", "warning").endswith("/ landfall resume shop-bwp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"LANDFALL_API_KEY": f"lf_{PLANTED}"}, "refuses the key"),
        ({"LANDFALL_URL": "http://127.0.0.1:9"}, "none answers at http://127.0.0.1:9"),
        ({"LANDFALL_URL": f"http://me:{PLANTED}@127.0.0.1:9"}, "correct LANDFALL_URL"),
    ],
)
def test_without_settings_an_api_that_is_not_ours_to_ask_is_an_error(
    running: Up, tmp_path: Path, env: dict[str, str], said: str
) -> None:
    found = diagnose(tmp_path, env={"LANDFALL_URL": running.url} | env)
    assert said in found.one("api", "error")
    assert PLANTED not in str(found)


class _Unready(BaseHTTPRequestHandler):
    """Answers as an API does that cannot reach its database."""

    def do_GET(self) -> None:
        text = b'{"status": "ok"}'
        self.send_response(200 if self.path == "/healthz" else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("settings", ["here", "elsewhere"])
def test_an_api_that_cannot_reach_its_database_is_not_said_to_refuse_the_key(tmp_path: Path, settings: str) -> None:
    if settings == "here":
        write_accounts(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unready) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        found = diagnose(tmp_path, "--offline", env={"LANDFALL_URL": f"http://127.0.0.1:{server.server_port}"})
        server.shutdown()
        thread.join()
    assert "answers, but accepts no export" in found.one("api", "error")


def test_without_settings_and_address_a_settings_file_is_missing(tmp_path: Path) -> None:
    assert "there is no settings file" in diagnose(tmp_path).one("settings", "error")


def test_an_api_elsewhere_that_does_not_answer_is_an_error(folder: Path) -> None:
    env = {"LANDFALL_URL": "http://landfall.invalid:8700"}
    assert "http://landfall.invalid:8700" in diagnose(folder, "--offline", env=env).one("api", "error")


def test_no_secret_is_shown_whatever_is_wrong(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    write_accounts(tmp_path, {"intelligems": nowhere, "buy_with_prime": nowhere})
    env = {
        "AB_TOKEN": f"{PLANTED}1",
        "BWP_ID": f"{PLANTED}2",
        "BWP_SECRET": f"{PLANTED}3 with a line\nbreak",
        "LANDFALL_API_KEY": f"{PLANTED}4",
        "LANDFALL_DATABASE_URL": f"postgresql://me:{PLANTED}5@127.0.0.1:{free_port()}/x?application_name=y",
        "LANDFALL_REDIS_URL": f"redis://me:{PLANTED}6@127.0.0.1:{free_port()}/0",
        "LANDFALL_STORAGE_URL": f"s3://key:{PLANTED}7@bucket",
        "AWS_SECRET_ACCESS_KEY": f"{PLANTED}8",
    }
    for words in (("--json",), ()):
        ended = landfall(tmp_path, "doctor", *words, env=env)
        assert ended.returncode == 1
        assert "database" in ended.stdout
        assert PLANTED not in ended.stdout + ended.stderr
