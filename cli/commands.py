"""Lists the subcommands: what each is for, and where it is defined."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A subcommand: what `landfall --help` says of it, and its function.

    Without a module it is a program of its own, run in a process that imports it; `options` are that program's.
    """

    summary: str
    module: str | None = None
    function: str = ""
    options: Sequence[str] = ()

    def load(self) -> Callable[..., Any]:
        """Import what the subcommand runs: a function, or a group of them."""
        found: Callable[..., Any] = getattr(importlib.import_module(self.module or ""), self.function)
        return found


_UNTIL = ("--until-stdin-closes",)
_SANDBOX = (
    "--host",
    "--port",
    "--seed",
    "--build-mean",
    "--build-sigma",
    "--bytes",
    "--max-started",
    "--intelligems-timeout",
    "--link-seconds-bwp",
    "--link-seconds-intelligems",
    "--link-token",
    "--token-seconds",
    "--report-days",
    "--rate-burst",
    "--rate-refill",
    "--control-log",
)
_MIGRATE = ("--check", "--readonly-role", "--readonly-password-file", "--json")

# A subcommand's module is imported only when it is called, so that --help and list need not wait for the others.
COMMANDS = {
    "up": Entry("Run API, worker and embedded Redis in one go.", "cli.up", "up"),
    "demo": Entry("Show Landfall at work against the sandbox; takes half a minute.", "cli.demo", "demo"),
    "init": Entry("Write landfall.toml by asking, and try the credentials.", "cli.init.command", "init"),
    "doctor": Entry("Check everything, with a cure for each finding.", "cli.doctor.command", "doctor"),
    "submit": Entry("Ask for an export, or for those of a file.", "cli.submit", "submit"),
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
    "accounts": Entry("List the vendor accounts and their slots.", "cli.accounts", "accounts"),
    "pause": Entry("Have no export of an account started for now.", "cli.accounts", "pause"),
    "resume": Entry("Have an account's exports started again.", "cli.accounts", "resume"),
    "keys": Entry("Make, list and revoke API keys.", "cli.keys", "keys"),
    "webhooks": Entry("Show webhooks and what they were told, and send again.", "cli.webhooks", "webhooks"),
    "verify": Entry("Re-read stored files and report rot.", "cli.verify", "verify"),
    "prune": Entry("Remove stored files that are too old or too many.", "cli.prune", "prune"),
    "copy-database": Entry("Copy a SQLite database to Postgres.", "cli.copy_database", "copy_database"),
    "api": Entry("Run the HTTP API alone.", options=_UNTIL),
    "worker": Entry("Run a worker alone.", options=_UNTIL),
    "migrate": Entry("Bring the database to this release's revision.", options=_MIGRATE),
    "sandbox": Entry("Run the vendors' stand-in.", options=_SANDBOX),
    "completion": Entry(
        "Print a script that completes commands in bash, zsh or fish.", "cli.completion.command", "completion"
    ),
    "version": Entry("Tell the release, and what it needs and runs on.", "cli.version", "version"),
}
