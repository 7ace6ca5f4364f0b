"""Checks the settings, the accounts in them, and the secrets that they name."""

import difflib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.doctor.finding import Finding, Installation, error, ok, warning, wrong_setting
from landfall.settings import SecretRef, Settings, SettingsError, config_path, load_settings
from landfall.storage.keys import check_template
from landfall.storage.parquet_writer import check_installed
from landfall.vendors.account import Account
from landfall.vendors.catalog import parse_accounts
from landfall.webhooks import parse_webhooks

_OTHER_VARIABLES = frozenset(
    f"LANDFALL_{name}" for name in ("CONFIG", "URL", "API_KEY", "API_KEY_FILE", "READONLY_PASSWORD")
)


def examine_settings(*, offline: bool) -> tuple[Installation | None, list[Finding]]:
    """Read the settings; None where they cannot be read, and then nothing else can be checked."""
    misspelt = list(_misspelt_variables())
    try:
        settings = load_settings()
    except SettingsError as problem:
        return None, [wrong_setting("settings", problem), *misspelt]
    accounts: dict[str, Account] = {}
    findings = []
    for name, table in settings.accounts.items():
        try:
            accounts |= parse_accounts({name: table})
        except SettingsError as problem:
            findings.append(wrong_setting(f"account {name}", problem))
    installation = Installation(settings, accounts, offline)
    return installation, [_summary(settings), *misspelt, *findings, *_others(settings)]


def look_at_secrets(installation: Installation) -> Iterator[Finding]:
    """Whether the accounts' secrets are there, for nobody else."""
    for name, account in installation.accounts.items():
        problem = _missing(name, account)
        yield wrong_setting(f"secrets of {name}", problem) if problem else ok(f"secrets of {name}", "can be read")
        files = (value.file for _, value in account if isinstance(value, SecretRef) and value.file)
        for path in filter(_is_open_to_others, files):
            yield warning(f"secrets of {name}", f"others may read {path}", f"chmod 600 {path}")


def _missing(name: str, account: Account) -> SettingsError | None:
    try:
        account.secrets(name)
        if account.parquet:
            check_installed(f"accounts.{name}.parquet")
    except SettingsError as problem:
        return problem
    return None


def _summary(settings: Settings) -> Finding:
    if not settings.accounts:
        return error("settings", f"{config_path()} names no account", "add one with `landfall init`")
    return ok("settings", f"{config_path()}: accounts {', '.join(settings.accounts)}")


def _others(settings: Settings) -> Iterator[Finding]:
    try:
        check_template(settings.key_template)
        parse_webhooks(settings).check_secrets()
    except SettingsError as problem:
        yield wrong_setting("settings", problem)


def _misspelt_variables() -> Iterator[Finding]:
    known = {f"LANDFALL_{name}".upper() for name in Settings.model_fields} | _OTHER_VARIABLES
    for name in sorted(os.environ):
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.85)
        if name.upper().startswith("LANDFALL_") and near and near[0] != name.upper():
            yield warning("settings", f"the environment variable {name} sets nothing", f"did you mean {near[0]}?")


def _is_open_to_others(path: Path) -> bool:
    """Whether its owner, who has to be us, lets others read it; what an orchestrator puts there is its own business."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and bool(stat.S_IMODE(found.st_mode) & 0o077)
