"""Writes landfall.toml, or an account more into it, and tries the credentials at the vendor."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failures import DONE, CommandError, WrongInputError
from cli.init.asking import ask_secret, ask_yes, on_a_terminal
from cli.init.draft import AccountDraft, Draft
from cli.init.files import read_text, with_tables, write_secrets, write_settings
from cli.init.flags import with_credential_flags
from cli.init.interview import Interview, as_given
from cli.init.report import Written, tell
from cli.init.toml_text import account_table, new_file
from cli.output import remark
from cli.parsing import AsJson
from landfall.settings import SettingsError, config_path, load_settings
from landfall.vendors.catalog import VENDORS, parse_accounts
from landfall.vendors.credentials import Outcome, Verdict, check_credentials

_REFUSED = 1


def _init(
    *,
    account: Annotated[str | None, typer.Option(metavar="NAME", help="A name for the account.")] = None,
    vendor: Annotated[str | None, typer.Option(help=f"One of {', '.join(VENDORS)}.")] = None,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="The sandbox or a test server.")] = None,
    home: Annotated[str | None, typer.Option(metavar="PATH", help="Folder of all state; default .landfall.")] = None,
    database_url: Annotated[str | None, typer.Option(metavar="URL", help="A Postgres of your own.")] = None,
    redis_url: Annotated[str | None, typer.Option(metavar="URL", help="A Redis of your own.")] = None,
    storage_url: Annotated[str | None, typer.Option(metavar="URL", help="Where files go, as s3://bucket.")] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing, even on a terminal.")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not try the credentials at the vendor.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write a new file in place of the one that is there.")] = False,
    as_json: AsJson = False,
    **given: str | None,
) -> int:
    """Write landfall.toml by asking, or by flags; where there is one, add an account to it.

    Exit code 1 where the vendor refuses the credentials, 0 where it cannot be asked, which is said; `landfall doctor` asks
    again. No secret is written into the file or shown.
    """
    settings = {"home": home, "database_url": database_url, "redis_url": redis_url, "storage_url": storage_url}
    chosen = {name: value for name, value in settings.items() if value is not None}
    may_ask = on_a_terminal() and not no_input
    try:
        text = None if force else read_text(config_path())
        taken = {} if text is None else _accounts_there(chosen)
        if text is not None and not _wants_to_add(account, vendor, may_ask=may_ask):
            return DONE
        draft = Interview(account, vendor, base_url, chosen, given, may_ask, taken, text is None).hold()
        written = _write(draft, text)
        checks = {} if no_check else {each.name: _check(each, written, may_ask=may_ask) for each in draft.accounts}
    except SettingsError as error:
        raise CommandError(str(error)) from None
    tell(written, checks, as_json=as_json)
    return _REFUSED if any(each.outcome is Outcome.REFUSED for each in checks.values()) else DONE


init = with_credential_flags(_init)


def _accounts_there(chosen: Mapping[str, str]) -> Mapping[str, Any]:
    """The accounts of the file that is there, which has to be in order before anything is added to it."""
    path = config_path()
    if chosen:
        raise WrongInputError(
            f"{next(iter(chosen))}: {path} is there already and keeps its settings; change it in the file, "
            "or write a new one with --force."
        )
    try:
        accounts = load_settings().accounts
        parse_accounts(accounts)
    except SettingsError as error:
        raise CommandError(f"{error} Mend it before an account is added, or write a new file with --force.") from None
    return accounts


def _wants_to_add(account: str | None, vendor: str | None, *, may_ask: bool) -> bool:
    if account or vendor:
        return True
    path = config_path()
    if not may_ask:
        raise WrongInputError(
            f"{path} is there already; add an account to it with --account NAME --vendor VENDOR and its credentials."
        )
    return ask_yes(f"{path} is there already and stays as it is. Add an account to it?", default=True)


def _write(draft: Draft, text: str | None) -> Written:
    path = config_path()
    home = as_given(draft.settings).home if text is None else load_settings().home
    folder = _secrets_folder(Path(os.environ.get("LANDFALL_HOME") or home).expanduser().absolute())
    tables = {each.name: each.table(folder) for each in draft.accounts}
    accounts = parse_accounts(tables)
    blocks = "\n".join(account_table(name, table) for name, table in tables.items())
    whole = with_tables(path, new_file(draft.settings) if text is None else text, blocks)
    secrets = [file for each in draft.accounts for file in write_secrets(folder, each)]
    write_settings(path, whole)
    return Written(path, text is None, accounts, secrets)


def _secrets_folder(home: Path) -> Path:
    """A folder of the home, as it is named from where the settings file lies."""
    folder, here = home / "secrets", Path.cwd()
    beside = config_path().absolute().parent == here
    return folder.relative_to(here) if beside and folder.is_relative_to(here) else folder


def _check(account: AccountDraft, written: Written, *, may_ask: bool) -> Verdict:
    while True:
        verdict = _verdict(account.name, written)
        if verdict.outcome is not Outcome.REFUSED or not (may_ask and account.typed):
            return verdict
        remark(f"{verdict.found}.")
        if not ask_yes("Type it again?", default=True):
            return verdict
        account = account.typed_again({name: ask_secret(name) for name in account.typed})
        write_secrets(written.secrets[0].parent, account)


def _verdict(name: str, written: Written) -> Verdict:
    try:
        return asyncio.run(check_credentials(name, written.accounts[name]))
    except SettingsError as error:
        return Verdict(Outcome.UNKNOWN, str(error).rstrip("."), "then `landfall doctor` tries the credentials")
