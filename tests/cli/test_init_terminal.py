"""Promises that `landfall init` asks on a terminal, where no secret is ever seen."""

import signal
from collections.abc import Mapping
from pathlib import Path

from tests.cli.settings_files import mode_of, written
from tests.cli.terminal import terminal

SECRET = "sandbox-planted-Kq7xSecret"


def test_who_asks_for_no_input_is_asked_nothing_on_a_terminal(tmp_path: Path) -> None:
    with terminal(tmp_path, "init", "--no-input") as screen:
        assert screen.end() == 2
    assert "--vendor is missing" in screen.shown


def test_on_a_terminal_a_secret_is_typed_unseen_into_a_file_of_its_owner(
    tmp_path: Path, vendors: Mapping[str, str]
) -> None:
    with terminal(tmp_path, "init", "--base-url", vendors["intelligems"]) as screen:
        screen.answer("Vendor", "acme")
        screen.answer("there is no such vendor", "intelligems")
        screen.answer("A name for the account", "Shop AB")
        screen.answer("begins with a lower-case letter", "shop-ab")
        screen.answer("access_token: `type`", "")
        screen.answer("access_token (it is not shown)", SECRET, hidden=True)
        screen.answer("Another account?", "")
        screen.answer("Folder of all state", "")
        screen.answer("of your own", "")
        assert screen.end() == 0, screen.shown
    assert SECRET not in screen.shown
    assert "Credentials of shop-ab: good." in screen.shown
    kept = tmp_path / ".landfall" / "secrets" / "shop-ab.access_token"
    assert kept.read_text() == f"{SECRET}\n"
    assert mode_of(kept) == 0o600
    assert mode_of(kept.parent) == 0o700
    assert (kept.parent / ".gitignore").read_text() == "*\n"
    assert SECRET not in (tmp_path / "landfall.toml").read_text()
    assert written(tmp_path)["accounts"]["shop-ab"]["access_token"] == {
        "file": ".landfall/secrets/shop-ab.access_token"
    }


def test_on_a_terminal_two_accounts_and_settings_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    with terminal(tmp_path, "init", "--no-check", env={"INTELLIGEMS_ACCESS_TOKEN": SECRET}) as screen:
        screen.answer("Vendor", "intelligems")
        screen.answer("A name", "")
        screen.answer("[env:INTELLIGEMS_ACCESS_TOKEN]", "")
        screen.answer("Another account?", "y")
        screen.answer("Vendor", "buy_with_prime")
        screen.answer("A name", "intelligems")
        screen.answer("there is an account intelligems already", "bwp")
        screen.answer("client_id, or", "amzn1.application")
        screen.answer("client_secret: `type`", "some-pasted-thing")
        screen.answer("a secret is not typed here", "file:nowhere")
        screen.answer("there is no such file", "file:token")
        screen.answer("target_id, or", "env:TARGET")
        screen.answer("Another account?", "n")
        screen.answer("Folder of all state", "state")
        screen.answer("of your own", "y")
        screen.answer("Postgres", "postgresql://me:pw@db/x")
        screen.answer("a password is not written", "postgresql://me@db/x")
        screen.answer("Redis, as", "")
        screen.answer("Store of the files", "")
        assert screen.end() == 0, screen.shown
    assert SECRET not in screen.shown
    found = written(tmp_path)
    assert found["home"] == "state"
    assert found["database_url"] == "postgresql://me@db/x"
    assert found["accounts"]["intelligems"]["access_token"] == {"env": "INTELLIGEMS_ACCESS_TOKEN"}
    assert found["accounts"]["bwp"]["client_secret"] == {"file": "token"}
    assert found["accounts"]["bwp"]["client_id"] == "amzn1.application"
    assert found["accounts"]["bwp"]["target_id"] == {"env": "TARGET"}


def test_a_secret_that_the_vendor_refuses_may_be_typed_again(tmp_path: Path, vendors: Mapping[str, str]) -> None:
    words = ("--account", "shop", "--vendor", "intelligems", "--base-url", vendors["intelligems"])
    with terminal(tmp_path, "init", *words) as screen:
        screen.answer("access_token: `type`", "")
        screen.answer("(it is not shown)", "wrong-Kq7x", hidden=True)
        screen.answer("Type it again?", "")
        screen.answer("(it is not shown)", SECRET, hidden=True)
        assert screen.end() == 0, screen.shown
    assert "Credentials of shop: good." in screen.shown
    assert "Kq7x" not in screen.shown
    assert (tmp_path / ".landfall" / "secrets" / "shop.access_token").read_text() == f"{SECRET}\n"


def test_an_answer_that_never_comes_writes_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "init") as screen:
        screen.answer("Vendor", "intelligems\n\x04")
        assert screen.end() == 1
    assert "the input ended" in screen.shown
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_the_line_of_the_question_and_writes_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "init") as screen:
        screen.wait_for("Vendor")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 130
    assert screen.shown.endswith("\n")
    assert not list(tmp_path.iterdir())


def test_on_a_terminal_a_file_that_is_there_is_offered_an_account(tmp_path: Path) -> None:
    (tmp_path / "landfall.toml").write_text("# mine\n")
    with terminal(tmp_path, "init") as screen:
        screen.answer("Add an account to it?", "n")
        assert screen.end() == 0
    assert (tmp_path / "landfall.toml").read_text() == "# mine\n"


def test_home_of_the_environment_keeps_the_secrets(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    words = ("--account", "shop", "--vendor", "intelligems", "--no-check")
    with terminal(tmp_path, "init", *words, env={"LANDFALL_HOME": str(elsewhere)}) as screen:
        screen.answer("access_token: `type`", "")
        screen.answer("(it is not shown)", SECRET, hidden=True)
        assert screen.end() == 0, screen.shown
    assert (elsewhere / "secrets" / "shop.access_token").read_text() == f"{SECRET}\n"
