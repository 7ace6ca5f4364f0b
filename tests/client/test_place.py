"""Promises of where the client looks for Landfall, and of what it is made of."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import landfall_client
from landfall_client import Landfall, WrongSettings
from tests.cli.file_server import EXPORT_ID
from tests.client.file_serving import served

SOURCES = Path(landfall_client.__file__).parent


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANDFALL_URL", "LANDFALL_API_KEY", "LANDFALL_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_address_is_what_was_given_or_the_environment_s_or_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Landfall().url == "http://127.0.0.1:8700"
    monkeypatch.setenv("LANDFALL_URL", "https://landfall.example/")
    assert Landfall().url == "https://landfall.example"
    assert Landfall("http://host:1/below/").url == "http://host:1/below"


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://host:port", "http://[::1", "http://a b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(WrongSettings, match="write it as http://host:port"):
        Landfall(url)


def test_a_password_in_an_address_is_refused_and_not_told() -> None:
    with pytest.raises(WrongSettings, match="leave out what stands before the @") as caught:
        Landfall("http://anna:planted@host:1")
    assert "planted" not in str(caught.value)


def test_the_key_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    monkeypatch.setenv("LANDFALL_API_KEY_FILE", str(path))
    with pytest.raises(WrongSettings, match=f"the key file {path} is empty, missing or cannot be read"):
        Landfall()
    path.write_text("lf_of_the_file\n")
    assert Landfall()._place.key == "lf_of_the_file"
    monkeypatch.setenv("LANDFALL_API_KEY", "lf_of_the_environment")
    assert Landfall()._place.key == "lf_of_the_environment"
    assert Landfall(key="lf_given")._place.key == "lf_given"
    monkeypatch.setenv("LANDFALL_API_KEY", "two words")
    with pytest.raises(WrongSettings, match="LANDFALL_API_KEY holds no API key") as caught:
        Landfall()
    assert "two words" not in str(caught.value)


def test_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with served() as server, Landfall(server.url, "") as client:
        assert client.export(EXPORT_ID).state == "stored"


def test_it_imports_nothing_but_the_standard_library_and_httpx() -> None:
    found = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    assert found - sys.stdlib_module_names == {"httpx", "landfall_client"}


def test_httpx_is_loaded_only_for_a_client() -> None:
    told = "import sys, landfall_client.waiting; assert 'httpx' not in sys.modules; landfall_client.Landfall"
    subprocess.run([sys.executable, "-c", told], check=True)


def test_it_is_typed() -> None:
    assert (SOURCES / "py.typed").exists()
    assert set(landfall_client.__all__) == set(dir(landfall_client))
    assert all(hasattr(landfall_client, name) for name in landfall_client.__all__)
