"""Promises of the completion scripts, tried in the shells that are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.completion.tree import Kind, Node, nodes
from tests.cli.running import Up, command, environment, landfall, write_accounts

SHELLS = ("bash", "zsh", "fish")
TRY_BASH = """
source ./completion
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_landfall
printf '%s\\n' "${COMPREPLY[@]}"
"""
TRY_FISH = 'source ./completion; complete -C "$argv"'
LINES = [
    ("li", ["list"]),
    ("list --sta", ["--state"]),
    ("list --state ", ["queued", "starting", "exporting", "ready", "stored", "failed", "cancelled"]),
    ("list --state=sto", ["stored"]),
    ("keys ", ["create", "list", "revoke"]),
    ("keys create ci --scope a", ["admin"]),
    ("pause shop-b", ["shop-bwp"]),
    ("submit ", ["shop-ab", "shop-bwp"]),
    ("list --account shop-a", ["shop-ab"]),
    ("batch day", ["days.csv"]),
    ("fetch exp_1 -o day", ["days.csv"]),
    ("submit --request x --file day", ["days.csv"]),
    ("sandbox --por", ["--port"]),
    ("completion z", ["zsh"]),
    ("list --state stored --lim", ["--limit"]),
    ("nonsense ", []),
]


def installed(shell: str) -> str:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed")
    return found


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("scripts")
    return {shell: landfall(folder, "completion", shell).stdout for shell in SHELLS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with accounts and a file, where a shell finds landfall."""
    write_accounts(tmp_path)
    (tmp_path / "days.csv").touch()
    caller = tmp_path / "bin" / "landfall"
    caller.parent.mkdir()
    caller.write_text(f'#!/bin/sh\nexec {" ".join(command())} "$@"\n')
    caller.chmod(0o755)
    return tmp_path


def completed(folder: Path, script: str, line: str) -> list[str]:
    """What bash offers for the line's last word."""
    (folder / "completion").write_text(script)
    # As bash splits them: a sign = is a word of its own.
    words = [str(folder / "bin" / "landfall"), *line.replace("=", " = ").split(" ")]
    ended = subprocess.run(
        [installed("bash"), "--norc", "-c", TRY_BASH, "bash", *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_can_be_read_by_its_shell(folder: Path, scripts: dict[str, str], shell: str) -> None:
    (folder / "completion").write_text(scripts[shell])
    ended = subprocess.run([installed(shell), "-n", "completion"], cwd=folder, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_bash_offers_what_may_follow(folder: Path, scripts: dict[str, str], line: str, offered: list[str]) -> None:
    assert completed(folder, scripts["bash"], line) == offered


@pytest.mark.parametrize(("line", "offered"), [each for each in LINES if each[1]])
def test_fish_offers_what_may_follow(folder: Path, scripts: dict[str, str], line: str, offered: list[str]) -> None:
    fish = installed("fish")
    (folder / "completion").write_text(scripts["fish"])
    path = {"PATH": f"{folder / 'bin'}:{environment()['PATH']}", "HOME": str(folder)}
    ended = subprocess.run(
        [fish, "-N", "-c", TRY_FISH, f"landfall {line}"],
        cwd=folder,
        env=environment(path),
        capture_output=True,
        text=True,
        check=True,
    )
    found = {each.partition("\t")[0].rpartition("=")[2] for each in ended.stdout.splitlines()}
    assert found == set(offered)


@pytest.mark.parametrize("node", nodes(), ids=lambda node: node.path)
def test_every_script_has_every_command_and_option(scripts: dict[str, str], node: Node) -> None:
    words = [node.path.rpartition(" ")[2], *(name for option in node.options for name in option.names)]
    for word in words:
        if word != "-h":
            assert word in scripts["bash"]
            assert word in scripts["zsh"]
        assert f"-l {word[2:]} " in scripts["fish"] if word.startswith("--") else word.lstrip("-") in scripts["fish"]


def test_options_that_take_a_file_or_an_account_are_known_as_such() -> None:
    kinds = {(node.path, name): option.kind for node in nodes() for option in node.options for name in option.names}
    assert kinds["list", "--key-file"] is kinds["fetch", "--output"] is kinds["submit", "--file"] is Kind.FILE
    assert (
        kinds["list", "--account"] is kinds["keys create", "--account"] is kinds["verify", "--account"] is Kind.ACCOUNT
    )
    assert kinds["list", "--json"] is Kind.NOTHING
    assert kinds["list", "--state"] is Kind.CHOICE


def test_a_name_that_holds_a_command_is_not_run(folder: Path, scripts: dict[str, str]) -> None:
    (folder / "landfall.toml").write_text('[accounts."$(touch${IFS}ran)"]\n[accounts."`touch${IFS}ran`"]\n')
    assert len(completed(folder, scripts["bash"], "pause ")) == 2
    assert not (folder / "ran").exists()


def test_accounts_are_those_of_the_api_where_one_is_named(running: Up, tmp_path: Path) -> None:
    (tmp_path / "landfall.toml").write_text("[accounts.here]\n")
    assert landfall(tmp_path, "completion", "--accounts").stdout == "here\n"
    there = {"LANDFALL_URL": running.url, "LANDFALL_API_KEY": running.key}
    assert landfall(tmp_path, "completion", "--accounts", env=there).stdout == "shop-ab\nshop-bwp\n"


@pytest.mark.parametrize("wrong", ["", "accounts = [", "accounts = 1"])
def test_where_no_accounts_can_be_found_none_are_offered_without_a_word(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "landfall.toml").write_text(f"api_port = 9\n{wrong}")
    ended = landfall(tmp_path, "completion", "--accounts")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
