"""Takes the installation's secrets out of what is printed, whatever error may have quoted them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from cli.credentials import KEY_FILE, read_key
from cli.doctor.finding import Finding, Installation
from landfall.redaction import MARK, names_a_secret
from landfall.settings import SettingsError
from landfall.webhooks import CALLBACK, parse_webhooks

_SHORTEST = 4
_SHORTEST_IN_A_VARIABLE = 8


def without_secrets(findings: list[Finding], installation: Installation | None) -> list[Finding]:
    """The findings with a mark in the place of every secret."""
    secrets = sorted({secret for secret in _secrets(installation) if len(secret) >= _SHORTEST}, key=len, reverse=True)
    return [replace(each, found=_clean(each.found, secrets), cure=_clean(each.cure, secrets)) for each in findings]


def _clean(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MARK)
    return text


def _secrets(installation: Installation | None) -> Iterator[str]:
    yield from (value for name, value in os.environ.items() if _is_secret(name, value))
    if installation is None:
        return
    settings = installation.settings
    yield read_key(settings.home / KEY_FILE)
    for url in (settings.database_url, settings.redis_url, settings.storage_url):
        yield from _password(url)
    for name, account in installation.accounts.items():
        try:
            yield from (secret.get_secret_value() for secret in account.secrets(name).values())
        except SettingsError:
            continue
    try:
        webhooks = parse_webhooks(settings)
        for name in (*webhooks.named, CALLBACK):
            yield from (secret.get_secret_value() for secret in webhooks.signing_secrets(name))
    except SettingsError:
        return


def _is_secret(name: str, value: str) -> bool:
    return names_a_secret(name) and not name.endswith("_FILE") and len(value) >= _SHORTEST_IN_A_VARIABLE


def _password(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
