"""Promises that `landfall init` writes a settings file that loads, and never shows a secret."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.init.flags import flags_of
from cli.init.interview import check_setting
from cli.init.toml_text import account_table, new_file
from cli.init.vendor_fields import every_field
from landfall.settings import SecretRef, Settings, load_settings
from landfall.vendors.catalog import VENDORS, parse_accounts
from tests import plain_http
from tests.cli.running import NOWHERE, body, landfall, one_line
from tests.cli.settings_files import mode_of, written

SECRET = "sandbox-planted-Kq7xSecret"
INTELLIGEMS = ("--account", "shop-ab", "--vendor", "intelligems", "--access-token-env", "AB_TOKEN")
BUY_WITH_PRIME = (
    *("--account", "shop-bwp", "--vendor", "buy_with_prime", "--client-id-env", "BWP_ID"),
    *("--client-secret-env", "BWP_SECRET", "--target-id", "target"),
)


def test_the_flags_of_the_readme_write_both_accounts_and_find_their_credentials_good(
    tmp_path: Path, vendors: Mapping[str, str]
) -> None:
    first = landfall(tmp_path, "init", *INTELLIGEMS, "--base-url", vendors["intelligems"])
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert "Wrote landfall.toml: shop-ab (intelligems)." in first.stdout
    assert "Credentials of shop-ab: good." in first.stdout
    assert "submit shop-ab experience_id=" in first.stdout
    second = landfall(tmp_path, "init", *BUY_WITH_PRIME, "--base-url", vendors["buy_with_prime"])
    assert "Added to landfall.toml: shop-bwp (buy_with_prime)." in second.stdout
    assert "Credentials of shop-bwp: good." in second.stdout
    accounts = parse_accounts(written(tmp_path)["accounts"])
    assert list(accounts) == ["shop-ab", "shop-bwp"]
    assert mode_of(tmp_path / "landfall.toml") == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["landfall.toml"]


def test_the_check_starts_no_report(tmp_path: Path, vendors: Mapping[str, str]) -> None:
    before = plain_http.get(f"{vendors['control']}/stats").json()["starts"]
    landfall(tmp_path, "init", *INTELLIGEMS, "--base-url", vendors["intelligems"])
    landfall(tmp_path, "init", *BUY_WITH_PRIME, "--base-url", vendors["buy_with_prime"])
    assert plain_http.get(f"{vendors['control']}/stats").json()["starts"] == before


def test_json_tells_what_was_written_and_what_the_vendor_said(tmp_path: Path, vendors: Mapping[str, str]) -> None:
    ended = landfall(tmp_path, "init", *INTELLIGEMS, "--base-url", vendors["intelligems"], "--json")
    told = body(ended)
    assert told["file"] == "landfall.toml"
    assert told["new"] is True
    assert told["accounts"][0]["credentials"]["outcome"] == "good"
    assert told["next"][0].endswith(" up")


@pytest.mark.parametrize(
    ("env", "url", "outcome"),
    [
        ({"AB_TOKEN": "wrong"}, "intelligems", "refused"),
        ({"AB_TOKEN": ""}, "intelligems", "unknown"),
        ({}, None, "unreachable"),
    ],
)
def test_credentials_that_are_not_good_are_told_with_the_cure(
    tmp_path: Path, vendors: Mapping[str, str], env: dict[str, str], url: str | None, outcome: str
) -> None:
    base_url = vendors[url] if url else NOWHERE["intelligems"]
    ended = landfall(tmp_path, "init", *INTELLIGEMS, "--base-url", base_url, "--json", env=env)
    assert ended.returncode == (1 if outcome == "refused" else 0)
    found = body(ended)["accounts"][0]["credentials"]
    assert found["outcome"] == outcome
    assert found["cure"]
    assert "accounts.shop-ab" in found["cure"] + found["found"]
    assert written(tmp_path)["accounts"]["shop-ab"]["access_token"] == {"env": "AB_TOKEN"}


def test_without_a_check_nobody_is_asked(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "init", *INTELLIGEMS, "--base-url", NOWHERE["intelligems"], "--no-check", "--json")
    assert body(ended)["accounts"][0]["credentials"] is None


@pytest.mark.parametrize("way", ["--access-token", "--access-token-env", "--access-token-file"])
def test_a_secret_as_a_flag_is_refused_and_not_repeated(tmp_path: Path, way: str) -> None:
    words = (*INTELLIGEMS[:-2], way, f"{SECRET}/+=")
    ended = landfall(tmp_path, "init", *words)
    assert ended.returncode == 2
    assert one_line(ended.stderr).startswith(f"landfall init: {way}: ")
    assert SECRET not in ended.stdout + ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--vendor is missing"),
        (["--vendor", "intelligems"], "--account is missing"),
        (["--vendor", "acme", "--account", "shop"], "vendor: there is no such vendor"),
        ([*INTELLIGEMS[:4]], "access_token is missing; give --access-token-env NAME"),
        ([*BUY_WITH_PRIME[:-2]], "target_id is missing; give --target-id TEXT"),
        ([*INTELLIGEMS, "--access-token-file", "x"], "access_token: it is given in 2 ways"),
        ([*INTELLIGEMS, "--base-url", "example.com"], "accounts.shop-ab.base_url: write it as http"),
        ([*INTELLIGEMS[2:], "--account", "Shop AB"], "begins with a lower-case letter"),
        ([*INTELLIGEMS, "--redis-url", "http://x"], "redis_url: write it as redis://"),
        ([*INTELLIGEMS, "--database-url", "mysql://x"], "database_url: write it as sqlite"),
        ([*INTELLIGEMS, "--storage-url", "ftp://x"], "storage_url: names no store"),
    ],
)
def test_in_a_pipe_what_is_missing_or_wrong_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, words: list[str], named: str
) -> None:
    ended = landfall(tmp_path, "init", *words)
    assert ended.returncode in {1, 2}
    assert named in one_line(ended.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flag", "url"),
    [
        ("--database-url", f"postgresql://landfall:{SECRET}@db/landfall"),
        ("--database-url", f"postgresql://db/landfall?password={SECRET}"),
        ("--redis-url", f"redis://:{SECRET}@redis:6379/0"),
        ("--storage-url", f"s3://key:{SECRET}@bucket"),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path, flag: str, url: str) -> None:
    ended = landfall(tmp_path, "init", *INTELLIGEMS, flag, url)
    assert ended.returncode == 2
    assert "a password is not written into the file" in one_line(ended.stderr)
    assert SECRET not in ended.stdout + ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_keeps_every_byte_and_its_rights_and_gets_an_account_more(tmp_path: Path) -> None:
    path = tmp_path / "landfall.toml"
    old = '# mine: ä\r\napi_port = 8801 # as agreed\r\n[accounts.one]\r\nvendor = "intelligems"\r\naccess_token = { env = "X" }'
    path.write_bytes(old.encode())
    path.chmod(0o640)
    ended = landfall(tmp_path, "init", *BUY_WITH_PRIME, "--no-check")
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes().startswith(f"{old}\r\n\r\n[accounts.shop-bwp]\r\n".encode())
    assert mode_of(path) == 0o640
    assert list(written(tmp_path)["accounts"]) == ["one", "shop-bwp"]
    assert written(tmp_path)["api_port"] == 8801


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "landfall.toml").symlink_to("kept/landfall.toml")
    assert landfall(tmp_path, "init", *INTELLIGEMS, "--no-check").returncode == 0
    assert (tmp_path / "landfall.toml").is_symlink()
    assert "shop-ab" in (tmp_path / "kept" / "landfall.toml").read_text()


@pytest.mark.parametrize(
    ("there", "words", "named"),
    [
        ("", (), "landfall.toml is there already; add an account"),
        ("", (*INTELLIGEMS, "--home", "x"), "home: landfall.toml is there already"),
        (
            "[accounts.shop-ab]\nvendor = 'intelligems'\naccess_token = {env = 'X'}",
            INTELLIGEMS,
            "an account shop-ab already",
        ),
        ("colour = 1", INTELLIGEMS, "colour: there is no setting of this name"),
        ("colour = ", INTELLIGEMS, "is not valid TOML"),
        ("accounts = {one = {vendor = 'intelligems', access_token = {env = 'X'}}}", INTELLIGEMS, "write them so"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_left_alone(
    tmp_path: Path, there: str, words: tuple[str, ...], named: str
) -> None:
    (tmp_path / "landfall.toml").write_text(there)
    ended = landfall(tmp_path, "init", *words, "--no-check")
    assert ended.returncode in {1, 2}
    assert named in one_line(ended.stderr)
    assert (tmp_path / "landfall.toml").read_text() == there


def test_only_force_writes_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "landfall.toml").write_text("colour = ")
    ended = landfall(tmp_path, "init", *INTELLIGEMS, "--no-check", "--force", "--home", "state")
    assert ended.returncode == 0, ended.stderr
    assert written(tmp_path)["home"] == "state"


def test_what_is_commented_out_is_the_default_or_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table: dict[str, str | SecretRef] = {"vendor": "intelligems", "access_token": SecretRef(env="X")}
    text = f"{new_file({})}\n{account_table('shop', table)}"
    lines = [line.removeprefix("# ") if " = " in line else line for line in text.splitlines()]
    (tmp_path / "landfall.toml").write_text("\n".join(lines))
    monkeypatch.setenv("LANDFALL_CONFIG", str(tmp_path / "landfall.toml"))
    settings = load_settings()
    plain = Settings.model_fields
    assert settings.api_host == plain["api_host"].default
    assert settings.api_port == plain["api_port"].default
    account = parse_accounts(settings.accounts)["shop"]
    fields = VENDORS["intelligems"].account.model_fields
    assert account.base_url == fields["base_url"].default
    assert account.max_started == fields["max_started"].default
    for name in ("database_url", "redis_url", "storage_url"):
        assert check_setting(name, getattr(settings, name))


def test_every_field_of_every_vendor_has_its_flags(tmp_path: Path) -> None:
    told = landfall(tmp_path, "init", "--help").stdout
    for field in every_field():
        for flag in flags_of(field).split(" or "):
            assert flag in told


def test_json_keeps_standard_output_to_itself_on_a_terminal(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "init", *INTELLIGEMS, "--no-check", "--json")
    assert json.loads(ended.stdout)
    assert ended.stderr == ""
