"""Runs the landfall command: finds the subcommand, and turns its failure into one sentence and an exit code."""

import difflib
import importlib
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from cli.failures import DONE, INTERRUPTED, CommandError, RefusedError, WrongInputError
from cli.output import abandon, answer, remark
from cli.processes import PROGRAMS, become
from landfall import __version__

EPILOG = (
    "Exit codes: 0 done, 1 cannot, 2 wrong input, 3 the export did not end stored, 4 rot found, 130 interrupted. "
    "`landfall --debug COMMAND …` shows the stack trace of an error."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A subcommand: what `landfall --help` says of it and where it is defined (None: another process's program)."""

    summary: str
    module: str | None = None
    function: str = ""


# A subcommand's module is imported only when it is called, so that --help and list need not wait for the others.
COMMANDS = {
    "up": Entry("Run API, worker and embedded Redis in one go.", "cli.up", "up"),
    "demo": Entry("Show Landfall at work against the sandbox; takes half a minute.", "cli.demo", "demo"),
    "submit": Entry("Ask for an export.", "cli.submit", "submit"),
    "batch": Entry("Ask for many exports: a file of them, or a range in windows.", "cli.batch", "batch"),
    "batches": Entry("Show, await, cancel and retry batches.", "cli.batches", "batches"),
    "list": Entry("List exports, newest first.", "cli.reading", "list_exports"),
    "show": Entry("Show one export and its timeline.", "cli.reading", "show"),
    "explain": Entry("Tell why an export stands as it does.", "cli.explain", "explain"),
    "watch": Entry("Show what happens to exports as it happens.", "cli.watch", "watch"),
    "fetch": Entry("Save the CSV of a stored export.", "cli.fetch", "fetch"),
    "cancel": Entry("Cancel exports, by id or by filter.", "cli.steering", "cancel"),
    "retry": Entry("Try exports again that failed or were cancelled.", "cli.steering", "retry"),
    "priority": Entry("Change the priority of a queued export.", "cli.steering", "priority"),
    "accounts": Entry("List the vendor accounts and their slots.", "cli.reading", "accounts"),
    "pause": Entry("Have no export of an account started for now.", "cli.steering", "pause"),
    "resume": Entry("Have an account's exports started again.", "cli.steering", "resume"),
    "keys": Entry("Make, list and revoke API keys.", "cli.keys", "keys"),
    "webhooks": Entry("Show webhooks and what they were told, and send again.", "cli.webhooks", "webhooks"),
    "verify": Entry("Re-read stored files and report rot.", "cli.verify", "verify"),
    "prune": Entry("Remove stored files that are too old or too many.", "cli.prune", "prune"),
    "copy-database": Entry("Copy a SQLite database to Postgres.", "cli.copy_database", "copy_database"),
    "api": Entry("Run the HTTP API alone."),
    "worker": Entry("Run a worker alone."),
    "migrate": Entry("Bring the database to this release's revision."),
    "sandbox": Entry("Run the vendors' stand-in."),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = words[:1] == ["--debug"]
    words = words[1:] if debug else words
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


def _run(words: list[str]) -> int:
    if not words or words[0] in {"--help", "-h"}:
        answer(_help())
        return DONE if words else WrongInputError.exit_code
    if words[0] == "--version":
        answer(f"landfall {__version__}")
        return DONE
    entry = COMMANDS.get(words[0])
    if entry is None:
        raise WrongInputError(_unknown(words[0]))
    if words[0] in PROGRAMS:
        become(words[0], words[1:])
    return _call(words[0], entry, words[1:])


def _call(name: str, entry: Entry, arguments: list[str]) -> int:
    parser = importlib.import_module("cli.parsing")
    function = getattr(importlib.import_module(entry.module or ""), entry.function)
    code: int = parser.run(function, name, arguments, EPILOG)
    return code


def _say(name: str, error: Exception) -> int:
    if isinstance(error, RefusedError):
        remark(str(error))
    elif isinstance(error, CommandError):
        remark(f"landfall {name}: {error}" if name in COMMANDS else f"landfall: {error}")
    else:
        text = " ".join(str(error).split()) or type(error).__name__
        remark(f"landfall {name}: {text} ({type(error).__name__}; `landfall --debug …` tells more)")
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
            "Usage: landfall [--debug] COMMAND …",
            "",
            "Lands vendor exports: starts them, waits for them, proves and stores their CSV files.",
            "",
            "Commands:",
            *lines,
            "",
            "`landfall COMMAND --help` explains each; `landfall --version` tells the release.",
            EPILOG,
        ]
    )
