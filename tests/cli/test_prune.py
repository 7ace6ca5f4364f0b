"""Promises of `landfall prune`: nothing goes without --yes, and only what retention does not keep goes with it."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from landfall.database import ledger, reading
from landfall.exports.states import State
from tests.cli.running import body, landfall, one_line, write_accounts
from tests.exports.jobs import make_job
from tests.planted_files import file_of, make_home, plant, transaction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run the command in; its home has files of 1, 10 and 100 days of one account, of 50 of the other."""
    write_accounts(tmp_path)
    home = tmp_path / ".landfall"
    make_home(home)
    for days in (1, 10, 100):
        plant(home, f"exp_{days}", days_ago=days)
    plant(home, "exp_50", days_ago=50, account="shop-ab", vendor="intelligems")
    return tmp_path


def left(folder: Path) -> set[str]:
    """The exports whose files are there."""
    return {path.stem for path in (folder / ".landfall" / "files").rglob("*.csv")}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ended = landfall(folder, "prune", *words)
    assert ended.returncode == 0, ended.stderr
    return ended


def test_without_yes_it_tells_count_and_bytes_for_each_account_and_removes_nothing(folder: Path) -> None:
    ended = run(folder, "--older-than", "9d")
    assert ended.stdout == run(folder, "--older-than", "9d", "--dry-run").stdout
    lines = [line.split("\t") for line in ended.stdout.splitlines()]
    assert lines[0] == ["ACCOUNT", "FILES", "BYTES", "KEPT"]
    assert [(line[0], line[1], line[3]) for line in lines[1:]] == [("shop-ab", "1", "0"), ("shop-bwp", "2", "1")]
    assert one_line(ended.stderr).endswith("would be removed; nothing was. Say --yes to remove them.")
    assert left(folder) == {"exp_1", "exp_10", "exp_50", "exp_100"}


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["--older-than", "90d"], {"exp_100"}),
        (["--older-than", "2w"], {"exp_50", "exp_100"}),
        (["--older-than", "12h"], {"exp_1", "exp_10", "exp_50", "exp_100"}),
        (["--keep", "1"], {"exp_10", "exp_100"}),
        (["--keep", "0", "--account", "shop-ab"], {"exp_50"}),
        (["--older-than", "30d", "--keep", "1"], {"exp_10", "exp_50", "exp_100"}),
        (["--older-than", "9w"], {"exp_100"}),
        (["--keep", "3"], set()),
    ],
)
def test_with_yes_files_go_by_age_or_count(folder: Path, words: list[str], gone: set[str]) -> None:
    run(folder, *words, "--yes")
    assert left(folder) == {"exp_1", "exp_10", "exp_50", "exp_100"} - gone


def test_a_removed_file_takes_its_manifest_along_and_leaves_its_row_and_an_event(folder: Path) -> None:
    run(folder, "--older-than", "90d", "--yes")
    assert not list((folder / ".landfall" / "files").rglob("exp_100*"))
    with transaction(folder / ".landfall") as connection:
        job = ledger.find(connection, "exp_100")
        last = reading.timeline(connection, "exp_100")[-1]
    assert job
    assert job.state is State.STORED
    assert job.artifact
    assert job.artifact.removed_at
    assert (last.kind, last.state, last.note) == ("pruned", "stored", "retention: older than 90 days")


def test_json_names_each_file_and_why_it_goes(folder: Path) -> None:
    told = body(run(folder, "--older-than", "90d", "--keep", "1", "--account", "shop-bwp", "--json"))
    assert told["removed"] is False
    (account,) = told["accounts"]
    assert (account["account"], account["files"], account["kept"]) == ("shop-bwp", 2, 1)
    assert [(each["id"], each["reason"]) for each in account["items"]] == [("exp_10", "count"), ("exp_100", "age")]
    assert account["bytes"] == sum(each["bytes"] for each in account["items"])


def test_each_account_s_settings_decide_where_nothing_is_typed(folder: Path) -> None:
    config = (folder / "landfall.toml").read_text()
    (folder / "landfall.toml").write_text(config + "retention_days = 90\n")  # the last table is shop-bwp's
    run(folder, "--yes")
    assert left(folder) == {"exp_1", "exp_10", "exp_50"}
    (folder / "landfall.toml").write_text(config + "retention_count = 1\n")
    run(folder, "--yes")
    assert left(folder) == {"exp_1", "exp_50"}


@pytest.mark.parametrize("words", [[], ["--yes"], ["--yes", "--account", "shop-ab"]])
def test_where_no_retention_is_set_a_timer_s_run_removes_nothing_and_is_no_failure(
    folder: Path, words: list[str]
) -> None:
    ended = run(folder, *words)
    said = one_line(ended.stderr)
    assert said.startswith("Nothing to remove: no retention is set. Give --older-than or --keep, or set retention_days")
    assert body(run(folder, "--json", *words))["accounts"] == []
    assert len(left(folder)) == 4


def test_an_export_in_flight_is_never_touched(folder: Path) -> None:
    old = plant(folder / ".landfall", "exp_old", days_ago=200)
    with transaction(folder / ".landfall") as connection:
        for state in (State.QUEUED, State.READY):
            ledger.accept(connection, [replace(make_job(id=f"exp_{state}", created_at=old.created_at), state=state)])
        connection.exec_driver_sql("UPDATE exports SET state = 'ready' WHERE id = 'exp_old'")
    run(folder, "--keep", "0", "--yes")
    assert left(folder) == {"exp_old"}


def test_a_second_run_finds_nothing_more(folder: Path) -> None:
    run(folder, "--older-than", "9d", "--yes")
    told = body(run(folder, "--older-than", "9d", "--yes", "--json"))
    assert [account["files"] for account in told["accounts"]] == [0, 0]


def test_a_run_that_died_between_file_and_row_is_made_good_by_the_next(folder: Path) -> None:
    file_of(plant(folder / ".landfall", "exp_x", days_ago=200)).unlink()
    run(folder, "--older-than", "150d", "--yes")
    with transaction(folder / ".landfall") as connection:
        job = ledger.find(connection, "exp_x")
    assert job
    assert job.artifact
    assert job.artifact.removed_at


def test_files_in_another_store_are_left_alone(folder: Path) -> None:
    shutil.copytree(folder / ".landfall" / "files", folder / "elsewhere")
    ended = landfall(
        folder, "prune", "--keep", "0", "--yes", env={"LANDFALL_STORAGE_URL": (folder / "elsewhere").as_uri()}
    )
    assert ended.returncode == 0
    assert "4 files are in another store than LANDFALL_STORAGE_URL names; they are left alone." in ended.stderr
    assert len(left(folder)) == 4
    assert len(list((folder / "elsewhere").rglob("*.csv"))) == 4
    assert body(run(folder, "--keep", "0", "--json"))["accounts"][1]["files"] == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--older-than", "90"], "--older-than: '90' is no span of time; write it as 90d, 12h or 8w."),
        (["--older-than", "0d"], "--older-than: '0d' is no span of time; write it as 90d, 12h or 8w."),
        (["--older-than", "-1d"], "--older-than: '-1d' is no span of time; write it as 90d, 12h or 8w."),
        (["--keep", "1", "--account", "nobody"], "--account: there is no account 'nobody'; known: shop-ab, shop-bwp."),
        (["--keep", "-1"], "--keep: -1 is not within 0 and more"),
    ],
)
def test_wrong_words_get_one_sentence_and_nothing_goes(folder: Path, words: list[str], sentence: str) -> None:
    ended = landfall(folder, "prune", "--yes", *words)
    assert ended.returncode == 2
    assert one_line(ended.stderr).startswith(f"landfall prune: {sentence}")
    assert len(left(folder)) == 4
