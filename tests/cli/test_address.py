"""Promises about where the command looks for the API."""

import json
import os
from pathlib import Path

import pytest

from cli.address import api_url
from cli.failures import CommandError
from landfall.settings import load_settings


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LANDFALL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("toml", [None, "", "api_port = 9000", 'api_host = "0.0.0.0"', 'api_host = "::"\nhome = "x"'])
@pytest.mark.parametrize(
    "env", [{}, {"LANDFALL_API_PORT": "9001"}, {"LANDFALL_API_HOST": "127.0.0.2"}, {"LANDFALL_API_HOST": ""}]
)
def test_without_anything_running_it_is_what_the_settings_say(
    toml: str | None, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if toml is not None:
        Path("landfall.toml").write_text(toml)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert api_url(None) == load_settings(need_config=False).api_url


@pytest.mark.parametrize(
    ("toml", "env"),
    [("", {}), ('home = "elsewhere"', {}), ('home = "a"', {"LANDFALL_HOME": "b"}), ('home = "~"', {"HOME": "tilde"})],
)
def test_a_running_up_is_found_in_the_home_of_the_settings(
    toml: str, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("landfall.toml").write_text(toml)
    for name, value in env.items():
        monkeypatch.setenv(name, str(tmp_path / value) if name == "HOME" else value)
    home = load_settings().home
    home.mkdir(parents=True)
    (home / "up.json").write_text(json.dumps({"pid": 1, "url": "http://127.0.0.1:7"}))
    assert api_url(None) == "http://127.0.0.1:7"


def test_what_was_typed_wins_over_the_environment_over_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".landfall").mkdir()
    Path(".landfall/up.json").write_text(json.dumps({"pid": 1, "url": "http://up.test"}))
    assert api_url(None) == "http://up.test"
    monkeypatch.setenv("LANDFALL_URL", "http://env.test/")
    assert api_url(None) == "http://env.test"
    assert api_url("http://typed.test/") == "http://typed.test"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 1}', '{"pid": 1}'])
def test_a_broken_notice_is_as_good_as_none(content: str) -> None:
    Path(".landfall").mkdir()
    Path(".landfall/up.json").write_text(content)
    assert api_url(None) == "http://127.0.0.1:8700"


def test_a_settings_file_that_is_no_toml_gets_one_sentence() -> None:
    Path("landfall.toml").write_text("api_port = = 1")
    with pytest.raises(CommandError, match=r"^landfall\.toml is not valid TOML: "):
        api_url(None)


def test_a_settings_file_that_is_not_utf_8_gets_one_sentence() -> None:
    Path("landfall.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(CommandError, match=r"^landfall\.toml is not UTF-8; save it as UTF-8\.$"):
        api_url(None)
