"""Promises about API keys on the command line: how they are made, and which one a command sends."""

import json
import stat
from pathlib import Path

import pytest

from cli.credentials import find_key
from cli.failures import CommandError
from tests.cli.running import Up, body, landfall, one_line, up, write_accounts
from tests.planted_files import make_home

KEPT = "Keep this key now: it is shown this once.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_accounts(tmp_path)
    make_home(tmp_path / ".landfall")
    return tmp_path


def test_a_key_is_printed_alone_and_said_to_be_shown_once(folder: Path) -> None:
    ended = landfall(folder, "keys", "create", "ci", "--scope", "write", "--account", "shop-ab", "--expires", "P90D")
    assert (ended.returncode, ended.stderr) == (0, KEPT)
    key = one_line(ended.stdout)
    listed = body(landfall(folder, "keys", "list", "--json"))["items"]
    assert [each["prefix"] for each in listed] == [key[:11]]
    assert (listed[0]["name"], listed[0]["scope"], listed[0]["accounts"]) == ("ci", "write", ["shop-ab"])
    assert key not in landfall(folder, "keys", "list").stdout


def test_a_revoked_key_is_listed_as_one(folder: Path) -> None:
    made = body(landfall(folder, "keys", "create", "ci", "--json"))
    for word in (made["id"], made["prefix"], made["key"]):
        ended = landfall(folder, "keys", "revoke", word)
        assert ended.stdout == f"The key {made['prefix']} (ci) is revoked.\n"
    assert landfall(folder, "keys", "list").stdout.splitlines()[1].split("\t")[5] == "revoked"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["create", "ci", "--expires", "90d"],
            "--expires: '90d' is no span of time up to 36500 days; write it as P90D",
        ),
        (["create", "ci", "--expires", "P0D"], "--expires: 'P0D' is no span of time"),
        (
            ["create", "ci", "--account", "shop"],
            "--account: there is no account 'shop' (did you mean shop-ab?) in the settings; known: shop-ab",
        ),
        (["create", ""], "NAME: write 1 to 100 characters"),
        (["create", "ci", "--scope", "root"], "--scope: 'root' is none of read, write, admin; "),
        (["revoke", "key_none"], "ID: there is no key 'key_none'; `landfall keys list` shows them."),
        (["revoke", "lf_abcdefgh_" + "x" * 43], "ID: there is no key 'lf_abcdefgh';"),
        (["make"], "there is no command 'make'; say one of create, list, revoke"),
        ([], "a word is missing; say one of create, list, revoke"),
    ],
)
def test_wrong_words_get_one_sentence(folder: Path, words: list[str], sentence: str) -> None:
    ended = landfall(folder, "keys", *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert one_line(ended.stderr).startswith(f"landfall keys: {sentence}")


def test_keys_need_a_database_with_tables(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    (tmp_path / ".landfall").mkdir()
    ended = landfall(tmp_path, "keys", "list")
    assert (ended.returncode, "`landfall up` makes a new one" in one_line(ended.stderr)) == (1, True)


def test_up_keeps_one_admin_key_that_only_its_user_reads(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    path = tmp_path / ".landfall" / "api-key"
    with up(tmp_path):
        first = path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert landfall(tmp_path, "accounts").returncode == 0
    with up(tmp_path):
        assert path.read_text() == first
        keys = body(landfall(tmp_path, "keys", "list", "--json"))["items"]
    assert [(key["name"], key["scope"]) for key in keys] == [("landfall up", "admin")]
    assert not list(path.parent.glob("api-key.*"))


@pytest.mark.parametrize(
    "spoil", ["revoked", pytest.param("missing", marks=pytest.mark.slow), pytest.param("empty", marks=pytest.mark.slow)]
)
def test_up_makes_its_key_anew_where_it_is_of_no_use(folder: Path, spoil: str) -> None:
    first = one_line(landfall(folder, "keys", "create", "landfall up", "--scope", "admin").stdout)
    path = folder / ".landfall" / "api-key"
    path.write_text("" if spoil == "empty" else first)
    if spoil == "missing":
        path.unlink()
    elif spoil == "revoked":
        assert landfall(folder, "keys", "revoke", first).returncode == 0
    with up(folder):
        assert path.read_text() not in {first, ""}
        assert landfall(folder, "accounts").returncode == 0


def test_a_revoked_key_gets_one_sentence_with_the_cure(running: Up) -> None:
    made = body(landfall(running.folder, "keys", "create", "gone", "--json"))
    landfall(running.folder, "keys", "revoke", made["id"])
    ended = landfall(running.folder, "accounts", env={"LANDFALL_API_KEY": made["key"]})
    assert ended.returncode == 1
    line = one_line(ended.stderr)
    assert line.startswith("landfall accounts: this API key was revoked on ")
    assert line.endswith("; `landfall keys create` makes another")


def test_without_a_key_one_sentence_says_how_to_name_one(running: Up, tmp_path: Path) -> None:
    ended = landfall(tmp_path, "accounts", "--url", running.url)
    assert ended.returncode == 1
    assert one_line(ended.stderr) == (
        f"landfall accounts: the API at {running.url} needs a key: run this in the folder of `landfall up`, "
        "name the file that holds the key with --key-file, or set LANDFALL_API_KEY; `landfall keys create` makes one."
    )


def test_a_key_that_is_good_for_too_little_gets_the_api_s_sentence(running: Up) -> None:
    key = one_line(landfall(running.folder, "keys", "create", "reader").stdout)
    ended = landfall(running.folder, "submit", "shop-ab", env={"LANDFALL_API_KEY": key})
    assert ended.returncode == 1
    assert "this needs a key of scope write" in one_line(ended.stderr)


def test_behind_an_api_that_is_named_keys_are_made_listed_and_revoked_there(running: Up, tmp_path: Path) -> None:
    there = {"LANDFALL_URL": running.url, "LANDFALL_API_KEY": running.key}
    words = ("--scope", "write", "--account", "shop-ab", "--expires", "P90D", "--json")
    ended = landfall(tmp_path, "keys", "create", "far away", *words, env=there)
    assert (ended.returncode, ended.stderr) == (0, KEPT)
    made = body(ended)
    listed = body(landfall(tmp_path, "keys", "list", "--json", env=there))["items"]
    assert listed == body(landfall(running.folder, "keys", "list", "--json"))["items"]
    assert (listed[0]["id"], listed[0]["scope"], listed[0]["accounts"]) == (made["id"], "write", ["shop-ab"])
    gone = landfall(tmp_path, "keys", "revoke", made["key"], env=there)
    assert gone.stdout == f"The key {made['prefix']} (far away) is revoked.\n"
    refused = landfall(tmp_path, "keys", "list", env=there | {"LANDFALL_API_KEY": made["key"]})
    assert (refused.returncode, "this API key was revoked" in one_line(refused.stderr)) == (1, True)


def test_a_key_with_little_scope_makes_none_behind_an_api(running: Up, tmp_path: Path) -> None:
    key = one_line(landfall(running.folder, "keys", "create", "reader").stdout)
    ended = landfall(tmp_path, "keys", "create", "x", "--url", running.url, env={"LANDFALL_API_KEY": key})
    assert ended.returncode == 1
    assert "this needs a key of scope admin" in one_line(ended.stderr)


@pytest.mark.parametrize("key_file", [None, "empty"])
def test_the_first_key_is_made_in_the_database_though_an_api_is_named(tmp_path: Path, key_file: str | None) -> None:
    write_accounts(tmp_path)
    (tmp_path / "empty").touch()
    assert landfall(tmp_path, "migrate").returncode == 0
    named = {"LANDFALL_URL": "http://127.0.0.1:9"} | ({"LANDFALL_API_KEY_FILE": key_file} if key_file else {})
    ended = landfall(tmp_path, "keys", "create", "operator", "--scope", "admin", env=named)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.split()) == 1  # the key alone
    assert "no key for LANDFALL_URL" in ended.stderr


@pytest.mark.slow
def test_up_makes_its_own_key_at_home_whatever_other_landfall_is_named(folder: Path) -> None:
    with up(folder, env={"LANDFALL_URL": "http://127.0.0.1:9"}) as found:
        assert landfall(folder, "accounts").returncode == 0
        assert found.key


class TestWhichKey:
    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("LANDFALL_API_KEY", "LANDFALL_API_KEY_FILE", "LANDFALL_HOME", "LANDFALL_CONFIG"):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / ".landfall").mkdir()
        (tmp_path / ".landfall" / "api-key").write_text("of-the-home\n")
        (tmp_path / ".landfall" / "up.json").write_text(json.dumps({"pid": 1, "url": "http://127.0.0.1:7777"}))
        for name in ("typed", "named"):
            (tmp_path / name).write_text(f"{name}\n")

    def test_what_was_typed_wins_over_the_environment_over_the_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        here = "http://127.0.0.1:7777"
        assert find_key(here) == "of-the-home"
        monkeypatch.setenv("LANDFALL_API_KEY_FILE", "named")
        assert find_key(here) == "named"
        monkeypatch.setenv("LANDFALL_API_KEY", "of-the-environment")
        assert find_key(here) == "of-the-environment"
        assert find_key(here, Path("typed")) == "typed"

    @pytest.mark.parametrize("url", ["http://127.0.0.1:7778", "https://127.0.0.1:7777", "http://landfall.test"])
    def test_the_home_s_key_is_sent_to_no_other_address(self, url: str) -> None:
        assert find_key(url) == ""

    def test_it_is_sent_to_the_address_of_the_settings(self) -> None:
        assert find_key("http://127.0.0.1:8700") == "of-the-home"

    def test_a_named_file_that_holds_no_key_is_told(self) -> None:
        Path("bad").write_text("two words")
        for path in (Path("none"), Path("bad")):
            with pytest.raises(CommandError, match=rf"^the key file {path} is empty, missing or cannot be read"):
                find_key("http://127.0.0.1:7777", path)

    def test_a_variable_that_no_header_can_hold_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANDFALL_API_KEY", "a b\u20ac")
        with pytest.raises(CommandError, match=r"^LANDFALL_API_KEY holds no API key"):
            find_key("http://127.0.0.1:7777")
