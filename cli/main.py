"""Runs the landfall command: finds the subcommand, and turns its failure into one sentence and an exit code."""

import difflib
import importlib
import sys
import traceback
from collections.abc import Sequence

from cli.commands import COMMANDS, Entry
from cli.failures import DONE, INTERRUPTED, CommandError, RefusedError, WrongInputError
from cli.output import abandon, answer, remark
from cli.processes import PROGRAMS, become
from landfall import __version__

EPILOG = (
    "Exit codes: 0 done, 1 cannot, 2 wrong input, 3 the export did not end stored, 4 rot found, 130 interrupted. "
    "--debug shows the stack trace of an error."
)
_DEBUG = "--debug"
_HELP = ("-h", "--help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words, debug = _without_debug(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        abandon(sys.stdout)
        return 1
    except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong becomes one sentence
        if debug:
            traceback.print_exc()
        return _say(words[0] if words else "", error)


def _without_debug(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take --debug out, wherever it stands; what follows -- is no option."""
    end = list(words).index("--") if "--" in words else len(words)
    options = words[:end]
    return [*(word for word in options if word != _DEBUG), *words[end:]], _DEBUG in options


def _run(words: list[str]) -> int:
    if not words or words[0] in _HELP or words == ["help"]:
        answer(_help())
        return DONE if words else WrongInputError.exit_code
    if words[0] == "--version":
        answer(f"landfall {__version__}")
        return DONE
    name, *arguments = [*words[1:], "--help"] if words[0] == "help" else words
    entry = COMMANDS.get(name)
    if entry is None:
        raise WrongInputError(_unknown(name))
    if name in PROGRAMS:
        _check_options(name, entry, arguments)
        become(name, arguments)
    return _call(name, entry, arguments)


def _call(name: str, entry: Entry, arguments: list[str]) -> int:
    parser = importlib.import_module("cli.parsing")
    code: int = parser.run(entry.load(), name, arguments, EPILOG)
    return code


def _check_options(name: str, entry: Entry, arguments: Sequence[str]) -> None:
    """Say here what the program itself would say at greater length."""
    known = (*entry.options, *_HELP)
    for word in arguments:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            near = difflib.get_close_matches(option, known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise WrongInputError(f"there is no option {option}{hint}; see `landfall {name} --help`.")


def _say(name: str, error: Exception) -> int:
    if isinstance(error, RefusedError):
        remark(str(error))
    elif isinstance(error, CommandError):
        remark(f"landfall {name}: {error}" if name in COMMANDS else f"landfall: {error}")
    else:
        text = " ".join(str(error).split()) or type(error).__name__
        remark(f"landfall {name}: {text} ({type(error).__name__}; {_DEBUG} tells more).")
    return error.exit_code if isinstance(error, CommandError) else 1


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean `landfall {near[0]}`?" if near else "`landfall --help` lists them."
    return f"there is no command {word!r}; {hint}"


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:{width}}{entry.summary}" for name, entry in COMMANDS.items()]
    return "\n".join(
        [
            f"Usage: landfall COMMAND … [{_DEBUG}]",
            "",
            "Lands vendor exports: starts them, waits for them, proves and stores their CSV files.",
            "",
            "Commands:",
            *lines,
            "",
            "`landfall COMMAND --help` explains each.",
            EPILOG,
        ]
    )
