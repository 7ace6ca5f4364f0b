"""Promises that each command keeps, whatever it does."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.commands import COMMANDS
from cli.main import main
from cli.parsing import parser_of
from cli.processes import PROGRAMS
from tests.cli.running import Up, landfall, one_line, write_accounts
from tools import cli_reference

REFUSED = "http://127.0.0.1:9"
# What answers with more than one document, or with none.
WITHOUT_JSON = {"api", "worker", "sandbox", "completion"}
# Asks for no settings, or tells of garbage in them in its own way.
WITHOUT_SETTINGS = {"demo", "init", "doctor", "sandbox", "completion", "version"}
FIRST_WORDS = {"N": "1", "URL": "postgresql://nobody@127.0.0.1:9/none"}


def parsers() -> Iterator[tuple[str, Any]]:
    """Each command that is read here, by its words."""
    for name, entry in COMMANDS.items():
        if name not in PROGRAMS:
            parser = parser_of(entry.load())
            inner = getattr(parser, "commands", {})
            yield from ((f"{name} {word}", each) for word, each in inner.items())
            if not inner:
                yield name, parser


def options(parser: Any) -> set[str]:
    return {option for each in parser.params for option in each.opts}


PARSERS = dict(parsers())
OF_THE_API = [path for path, parser in PARSERS.items() if "--url" in options(parser)]


def words(path: str) -> list[str]:
    """The command with words enough to have it begin its work."""
    arguments = [each for each in PARSERS[path].params if each.param_type_name == "argument"]
    wanted = [each for each in arguments if each.required or path in {"submit", "cancel", "retry"}]
    typed = [FIRST_WORDS.get(str(each.metavar), "x") for each in wanted if each.name != "fields"]
    if path == "batch":
        typed = ["report_type=USER_EVENTS", "--account=a", "--from=2026-01-01", "--to=2026-01-02", "--window=P1D"]
    return [*path.split(), *typed]


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that was run in this process, in an empty folder: what so many runs have in common is imported once."""

    code: int
    answer: str
    complaint: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LANDFALL_")]:
        monkeypatch.delenv(name)

    def run_here(*typed: str) -> Typed:
        code = main(typed)
        return Typed(code, *capsys.readouterr())

    return run_here


@pytest.mark.parametrize("path", PARSERS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_it_explains_itself(here: Callable[..., Typed], path: str, option: str) -> None:
    ended = here(*path.split(), option)
    assert (ended.code, ended.complaint) == (0, "")
    assert ended.answer.startswith(f"Usage: landfall {path}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_explains_itself(tmp_path: Path, name: str) -> None:
    ended = landfall(tmp_path, name, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage: ")


@pytest.mark.parametrize("path", PARSERS)
def test_it_is_summed_up_in_a_sentence(path: str) -> None:
    first = PARSERS[path].help.split("\n\n")[0]
    assert re.fullmatch(r"[A-Z].*[^.]\.", first, re.DOTALL), first
    assert all(each.help for each in PARSERS[path].params if not getattr(each, "hidden", False))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_list_of_commands_says_of_it_is_a_sentence(name: str) -> None:
    assert re.fullmatch(r"[A-Z][^.]*(\.toml[^.]*)?\.", COMMANDS[name].summary)


@pytest.mark.parametrize("path", [*PARSERS, *PROGRAMS])
def test_an_unknown_option_is_named_in_a_sentence(here: Callable[..., Typed], path: str) -> None:
    ended = here(*path.split(), "--nonsense")
    assert (ended.code, ended.answer) == (2, "")
    assert "there is no option --nonsense" in one_line(ended.complaint)


@pytest.mark.parametrize("path", PARSERS)
def test_it_can_answer_with_json(path: str) -> None:
    assert ("--json" in options(PARSERS[path])) == (path not in WITHOUT_JSON)


def test_options_of_a_name_are_of_one_kind() -> None:
    kinds: dict[str, set[tuple[bool, str | None]]] = {}
    for path, parser in PARSERS.items():
        for each in parser.params:
            if each.param_type_name == "option" and not path.startswith("init"):
                kinds.setdefault(each.opts[0], set()).add((each.is_flag, each.metavar))
    assert {name: found for name, found in kinds.items() if len(found) > 1}.keys() <= {"--from", "--home"}


@pytest.mark.parametrize("path", OF_THE_API)
def test_an_address_where_nothing_answers_is_told_in_a_sentence(here: Callable[..., Typed], path: str) -> None:
    ended = here(*words(path), "--url", REFUSED)
    assert (ended.code, ended.answer) == (1, "")
    assert REFUSED in one_line(ended.complaint)


@pytest.mark.parametrize("path", OF_THE_API)
def test_a_wrong_key_is_told_in_a_sentence(running: Up, tmp_path: Path, path: str) -> None:
    wrong = {"LANDFALL_API_KEY": "lf_nobodys_" + "x" * 43}
    ended = landfall(tmp_path, *words(path), "--url", running.url, env=wrong)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "key" in one_line(ended.stderr)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("path", OF_THE_API)
def test_a_folder_or_nothing_in_the_place_of_the_key_file_is_told_in_a_sentence(
    here: Callable[..., Typed], tmp_path: Path, path: str
) -> None:
    for key_file in (tmp_path, tmp_path / "none"):
        ended = here(*words(path), "--url", REFUSED, "--key-file", str(key_file))
        assert (ended.code, ended.answer) == (1, "")
        assert f"the key file {key_file} is empty, missing or cannot be read" in one_line(ended.complaint)


@pytest.mark.parametrize(
    "typed", [["batch", "."], ["batch", "none.csv"], ["submit", "--file", "."], ["submit", "a", "--request", "@."]]
)
def test_a_folder_or_nothing_in_the_place_of_a_file_is_told_in_a_sentence(
    here: Callable[..., Typed], typed: list[str]
) -> None:
    ended = here(*typed, "--url", REFUSED)
    assert (ended.code, ended.answer) == (2, "")
    assert "cannot be read" in one_line(ended.complaint)


@pytest.mark.parametrize("path", [path for path in [*PARSERS, *PROGRAMS] if path not in WITHOUT_SETTINGS])
def test_garbage_in_the_settings_file_is_told_in_a_sentence(tmp_path: Path, path: str) -> None:
    (tmp_path / "landfall.toml").write_text("accounts = [")
    ended = landfall(tmp_path, *(path.split() if path in PROGRAMS else words(path)))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "landfall.toml is not valid TOML" in one_line(ended.stderr)


@pytest.mark.parametrize("typed", [["up"], ["api"], ["worker"], ["migrate"], ["keys", "list"], ["verify"], ["prune"]])
def test_a_home_that_cannot_be_is_told_in_a_sentence(tmp_path: Path, typed: list[str]) -> None:
    write_accounts(tmp_path)
    (tmp_path / "file").touch()
    ended = landfall(tmp_path, *typed, env={"LANDFALL_HOME": str(tmp_path / "file" / "home")})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.search(r"home|database", one_line(ended.stderr))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_options_of_a_program_are_those_that_it_has(name: str) -> None:
    found = [option for action in cli_reference.program(name)._actions for option in action.option_strings]
    assert list(COMMANDS[name].options) == [option for option in found if option not in {"-h", "--help"}]


def test_the_page_of_every_command_and_option_is_what_the_parsers_say() -> None:
    if cli_reference.PAGE.read_text(encoding="utf-8") != cli_reference.commands_text():
        pytest.fail("docs/reference/commands.md differs; write it anew with `python -m tools.cli_reference`")


@pytest.mark.parametrize("typed", [["--debug", "list"], ["list", "--debug"]])
def test_debug_adds_the_stack_trace_wherever_it_stands(tmp_path: Path, typed: list[str]) -> None:
    ended = landfall(tmp_path, *typed, "--url", REFUSED)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Traceback")


def test_behind_two_dashes_debug_is_no_option(tmp_path: Path) -> None:
    ended = landfall(tmp_path, "show", "--url", REFUSED, "--", "--debug")
    assert "Traceback" not in ended.stderr


def test_help_is_a_word_too(tmp_path: Path) -> None:
    assert landfall(tmp_path, "help").stdout == landfall(tmp_path, "--help").stdout
    assert landfall(tmp_path, "help", "show").stdout == landfall(tmp_path, "show", "--help").stdout
