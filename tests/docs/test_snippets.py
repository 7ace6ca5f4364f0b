"""Promises that every block of code in the documentation can be read: settings load, data parses, programs compile."""

import ast
import json
import os
import re
import sqlite3
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from landfall.settings import load_settings
from landfall.vendors.catalog import parse_accounts
from landfall.webhooks import parse_webhooks
from tests.database.databases import migrated
from tests.docs.pages import Block, pages

# `text` is what a program writes; the others are neither run nor read by anything of ours.
UNREAD = {"text", "mermaid", "ini", "console", "http"}
_EVERY = [block for page in pages() for block in page.blocks]


def blocks(*languages: str) -> pytest.MarkDecorator:
    found = [block for block in _EVERY if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=str)


def test_every_block_names_a_language_that_is_known() -> None:
    known = UNREAD | {"sh", "python", "toml", "json", "sql", "yaml"}
    assert [f"{block}: {block.language!r}" for block in _EVERY if block.language not in known] == []


@blocks("sh")
def test_a_shell_reads_it(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@blocks("python")
def test_python_compiles_it(block: Block) -> None:
    # A notebook awaits at the top level.
    compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@blocks("json")
def test_it_is_json(block: Block) -> None:
    json.loads(block.text)


@blocks("yaml")
def test_it_is_yaml(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text))


@blocks("toml")
def test_settings_load(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.not_run:
        tomllib.loads(block.text)
        return
    for name in [name for name in os.environ if name.startswith("LANDFALL_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "landfall.toml"
    config.write_text(block.text + _accounts_that_it_means(block.text), encoding="utf-8")
    monkeypatch.setenv("LANDFALL_CONFIG", str(config))
    settings = load_settings()
    parse_accounts(settings.accounts)
    parse_webhooks(settings)


def _accounts_that_it_means(text: str) -> str:
    """Tables of the accounts that webhooks of the block name, where it shows the webhooks alone."""
    tables = tomllib.loads(text)
    named = {name for hook in tables.get("webhooks", {}).values() for name in hook.get("accounts", ())}
    missing = sorted(named - tables.get("accounts", {}).keys())
    return "".join(f'\n[accounts.{name}]\nvendor = "intelligems"\naccess_token = {{ env = "T" }}\n' for name in missing)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = migrated(tmp_path_factory.mktemp("views") / "landfall.db")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


@blocks("sql")
def test_the_views_answer_it(block: Block, views: sqlite3.Connection) -> None:
    """Views alone, and on SQLite; what only Postgres takes says so in its first line (tests/database asks both)."""
    if block.not_run or block.text.startswith("-- Postgres"):
        pytest.skip(block.not_run or "asked of Postgres, in tests/database")
    for statement in filter(str.strip, re.split(r";\s*\n", block.text)):
        views.execute(statement.rstrip().rstrip(";"))
