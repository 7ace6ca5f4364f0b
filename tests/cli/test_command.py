"""Promises of the command as a whole."""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from cli.processes import PROGRAMS, own_command
from landfall import __version__
from landfall.database.revision import HEAD
from tests.cli.running import body, command, environment, landfall, one_line

HEAVY = ("httpx", "fastapi", "sqlalchemy", "pydantic_settings", "arq", "rich")
IMPORTED = "import json, sys; from cli.main import main; main(sys.argv[1:]); print(json.dumps(list(sys.modules)))"


@pytest.mark.parametrize("words", [["--help"], ["list"], ["show", "x"]])
def test_what_must_be_quick_imports_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTED, *words],
        cwd=tmp_path,
        env=environment({"LANDFALL_URL": "http://127.0.0.1:9"}),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name.partition(".")[0] for name in json.loads(ended.stdout.splitlines()[-1])}
    assert not imported.intersection(HEAVY)


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "--help")
    assert ended.returncode == 0
    assert all(f"\n  {name} " in ended.stdout for name in COMMANDS)
    assert "3 the export did not end stored, 4 rot found, 130 interrupted." in ended.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, name: str) -> None:
    ended = landfall(tmp_path, name, "--help")
    assert ended.returncode == 0
    assert "usage: " in ended.stdout.lower()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_defined_where_it_is_said_to_be(name: str) -> None:
    entry = COMMANDS[name]
    assert (name in PROGRAMS) == (entry.module is None)
    if entry.module:
        assert callable(getattr(importlib.import_module(entry.module), entry.function))


def test_the_version_is_the_release_s(tmp_path: Path) -> None:
    assert landfall(tmp_path, "--version").stdout == f"landfall {__version__}\n"
    assert landfall(tmp_path, "version").stdout.startswith(f"landfall {__version__}\n  database revision  {HEAD}\n")
    told = body(landfall(tmp_path, "version", "--json"))
    assert (told["release"], told["database_revision"]) == (__version__, HEAD)
    assert told["python"] == platform.python_version()


def test_migrate_tells_what_it_did_as_json_too(tmp_path: Path) -> None:
    told = body(landfall(tmp_path, "migrate", "--json"))
    assert (told["release_needs"], told["migrated"], told["notes"]) == (HEAD, True, [])
    assert told["database"].endswith("landfall.db")
    assert body(landfall(tmp_path, "migrate", "--check", "--json"))["migrated"] is False


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lst"], "landfall: there is no command 'lst'; did you mean `landfall list`?"),
        (["list", "--nonsense"], "landfall list: there is no option --nonsense; see `landfall list --help`."),
        (["list", "--state", "lost"], "landfall list: --state: 'lost' is none of queued, starting, exporting, "),
        (["list", "--limit", "many"], "landfall list: --limit: 'many' is no whole number"),
        (["show"], "landfall show: ID is missing"),
        (["show", ""], "landfall show: ID: it is empty; `landfall list` shows the ids"),
        (["fetch", " "], "landfall fetch: ID: it is empty; `landfall list` shows the ids"),
        (
            ["list", "--since", "soon"],
            "landfall list: --since: 'soon' is no date or moment; write it as 2026-01-31 or ",
        ),
        (["list", "--since", "2026-01-31T10:00"], "landfall list: --since: '2026-01-31T10:00' is no date or moment; "),
        (["list", "--stat", "failed"], "landfall list: there is no option --stat (did you mean --state?); "),
        (["list", "--state", "faild"], "landfall list: --state: 'faild' (did you mean failed?) is none of queued, "),
        (["list", "--state"], "landfall list: --state lacks its value"),
        (["list", "--limit", "0"], "landfall list: --limit: 0 is not within 1 to 200"),
        (["show", "a", "b"], "landfall show: 'b' is too much"),
        (["list", "--label", "growth"], "landfall list: --label: 'growth' is no label; write it as KEY=VALUE."),
        (
            ["batch", "list"],
            "landfall batch: it asks for exports; `landfall batches list` is what looks after a batch.",
        ),
        (["submit"], "landfall submit: ACCOUNT is missing; name one, or a file of exports with --file."),
        (["submit", "a=b"], "landfall submit: ACCOUNT is missing before 'a=b'; write `landfall submit ACCOUNT a=b`."),
        (["submit", "a", "b=c", "--file", "d"], "landfall submit: FIELD=VALUE does not go with --file: "),
        (["keys", "crate"], "landfall keys: there is no command 'crate' (did you mean create?); say one of create, "),
        (["worker", "--until-stdin-close"], "landfall worker: there is no option --until-stdin-close (did you mean "),
        (["prune", "--yes", "--dry-run"], "landfall prune: --dry-run removes nothing and --yes removes; "),
        (["completion"], "landfall completion: name your shell: bash, zsh, fish."),
        (["submit", "shop", "nonsense"], "landfall submit: 'nonsense' is no field; write it as FIELD=VALUE"),
        (["list", "--url", "nonsense"], "landfall list: url: nonsense is no address; write it as http://host:port."),
    ],
)
def test_wrong_words_get_one_sentence_and_exit_code_2(tmp_path: Path, words: list[str], sentence: str) -> None:
    ended = landfall(tmp_path, *words)
    assert ended.returncode == 2
    assert one_line(ended.stderr).startswith(sentence)


@pytest.mark.parametrize("words", [["list"], ["show", "x"], ["accounts"], ["fetch", "x"], ["submit", "a", "b=c"]])
def test_without_landfall_each_client_command_says_how_to_start_it(tmp_path: Path, words: list[str]) -> None:
    ended = landfall(tmp_path, *words, "--url", "http://127.0.0.1:9")
    assert ended.returncode == 1
    sentence = "no Landfall answers at http://127.0.0.1:9: start it with `landfall up` or name it with --url."
    assert one_line(ended.stderr) == f"landfall {words[0]}: {sentence}"


def test_the_stack_trace_comes_only_when_asked_for(tmp_path: Path) -> None:
    words = ("list", "--url", "http://127.0.0.1:9")
    assert "Traceback" not in landfall(tmp_path, *words).stderr
    assert "Traceback" in landfall(tmp_path, "--debug", *words).stderr


@pytest.mark.slow
def test_a_folder_called_api_does_not_shadow_ours(tmp_path: Path) -> None:
    for name in ("api", "worker", "sandbox", "landfall"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('shadowed')")
        (tmp_path / name / "__main__.py").write_text("")
    for name in ("api", "worker", "sandbox"):
        assert "--until-stdin-closes" in landfall(tmp_path, name, "--help").stdout or name == "sandbox"


def test_a_reader_that_leaves_early_makes_no_noise(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        ended = subprocess.run(
            command("--help"), cwd=tmp_path, env=environment(), stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert ended.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", [["--help"], ["list", "--help"]])
def test_an_answer_that_cannot_be_written_gets_one_sentence(tmp_path: Path, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command(*words),
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    sentence = "standard output cannot be written to (No space left on device); make room or send it elsewhere."
    assert one_line(ended.stderr).endswith(sentence)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_failure_that_cannot_be_told_keeps_its_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command("lst"), cwd=tmp_path, env=environment(), stderr=full, check=False)
    assert ended.returncode == 2


def test_own_command_is_the_name_only_where_a_shell_finds_this_very_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = tmp_path / "my venv" / "landfall", tmp_path / "other" / "landfall"
    for each in (mine, other):
        each.parent.mkdir()
        each.write_text("#!/bin/sh\n")
        each.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(mine)])
    monkeypatch.setenv("PATH", str(other.parent))
    assert own_command() == f"'{mine}'"
    monkeypatch.setenv("PATH", str(mine.parent))
    assert own_command() == "landfall"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "cli" / "__main__.py")])
    assert own_command() == f"{sys.executable} -P -m cli"
