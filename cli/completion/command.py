"""Prints the script that makes a shell complete the landfall command."""

import contextlib
import importlib
import os
from enum import StrEnum
from typing import Annotated

import typer

from cli.address import accounts_here
from cli.connecting import connect
from cli.failures import CommandError, WrongInputError
from cli.output import answer

_QUICKLY_SECONDS = 0.5


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell | None, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")] = None,
    *,
    accounts: Annotated[bool, typer.Option("--accounts", hidden=True)] = False,
) -> None:
    """Print a script that completes commands, options, states, accounts and files; install it again after an upgrade.

    bash: landfall completion bash > ~/.local/share/bash-completion/completions/landfall

    zsh: landfall completion zsh > ~/.zfunc/_landfall, with fpath+=(~/.zfunc) before compinit in ~/.zshrc

    fish: landfall completion fish > ~/.config/fish/completions/landfall.fish
    """
    if accounts:
        for name in account_names():
            answer(name)
        return
    if shell is None:
        raise WrongInputError(f"name your shell: {', '.join(Shell)}.")
    # The script is made from every command there is, and to name the accounts none of them need be imported.
    tree = importlib.import_module("cli.completion.tree")
    answer(importlib.import_module(f"cli.completion.{shell}").script(tree.nodes()))


def account_names() -> list[str]:
    """The accounts of the settings here, or of the API that is named; none where neither tells them quickly."""
    with contextlib.suppress(CommandError):
        if not os.environ.get("LANDFALL_URL") and (names := accounts_here()):
            return names
        api = connect(None)
        api.timeout = _QUICKLY_SECONDS
        return [account["name"] for account in api.get("/v1/accounts").body["items"]]
    return []
