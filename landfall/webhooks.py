"""Reads the webhooks of the settings: whom to tell what, and by which secrets it is signed."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from landfall.complaints import complaint_in_table
from landfall.exports.news import TYPES
from landfall.settings import SecretRef, Settings, SettingsError

CALLBACK = "callback"
"""Stands for an export's own callback_url where a webhook is named."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HOST = re.compile(r"(?!.{254})([a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|[0-9a-f:.]*:[0-9a-f:.]*)")
_PREFIX = "whsec_"
# As the Standard Webhooks specification wants it.
_SECRET_BYTES = range(24, 65)
_MAKE_ONE = 'echo "whsec_$(openssl rand -base64 32)"'
LONGEST_URL = 2000


class Webhook(BaseModel):
    """One `[webhooks.NAME]` table of landfall.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="Where it is told.")
    secret: SecretRef = Field(description="Signs what it is told; `whsec_` and 24 to 64 bytes in base64.")
    previous_secret: SecretRef | None = Field(default=None, description="Signs too, while the secret is exchanged.")
    events: frozenset[str] = Field(default=frozenset(TYPES), description="What it is told; default: everything.")
    accounts: frozenset[str] | None = Field(default=None, description="Whose exports it is told of; default: all.")
    allow_private_hosts: bool = Field(default=False, description="Allow plain http and addresses that are not public.")

    @field_validator("events")
    @classmethod
    def _known(cls, events: frozenset[str]) -> frozenset[str]:
        if not events or events - set(TYPES):
            raise ValueError(f"name one or more of {', '.join(TYPES)}")
        return events

    @model_validator(mode="after")
    def _reachable(self) -> "Webhook":
        fault = fault_in_url(self.url, plain_allowed=self.allow_private_hosts)
        if fault:
            raise ValueError(f"url: {fault}")
        return self

    def wants(self, kind: str, accounts: frozenset[str]) -> bool:
        """Whether it is told of such news of these accounts."""
        return kind in self.events and (self.accounts is None or accounts <= self.accounts)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Everybody who is told: the webhooks by name, and whether an export may bring a callback_url."""

    named: Mapping[str, Webhook] = field(default_factory=lambda: MappingProxyType({}))
    callback_secret: SecretRef | None = None
    callback_previous_secret: SecretRef | None = None
    callback_allow_private_hosts: bool = False

    def fault_in_callback(self, url: str) -> str | None:
        """What keeps an export from being given this callback_url, as a clause that names the cure."""
        if self.callback_secret is None:
            return "it needs callback_secret in landfall.toml, which signs what is sent there; set it or leave this out"
        return fault_in_url(url, plain_allowed=self.callback_allow_private_hosts)

    def check_secrets(self) -> None:
        """Find that each secret is there. Raises SettingsError."""
        for name in (*self.named, CALLBACK):
            self.signing_secrets(name)

    def signing_secrets(self, name: str) -> list[SecretStr]:
        """The secrets that sign what a webhook, or CALLBACK, is sent, the newest first. Raises SettingsError."""
        hook = self.named.get(name)
        if hook:
            place, secrets = f"webhooks.{name}.", {"secret": hook.secret, "previous_secret": hook.previous_secret}
        else:
            place = "callback_"
            secrets = {"secret": self.callback_secret, "previous_secret": self.callback_previous_secret}
        return [_checked(place + field_name, reference) for field_name, reference in secrets.items() if reference]


def parse_webhooks(settings: Settings) -> Webhooks:
    """Read the `[webhooks.NAME]` tables. Raises SettingsError, which names `webhooks.NAME.field` and the cure."""
    named = {name: _webhook(name, table) for name, table in settings.webhooks.items()}
    known = ", ".join(sorted(settings.accounts)) or "none"
    for name, hook in named.items():
        for account in sorted((hook.accounts or frozenset()) - settings.accounts.keys()):
            raise SettingsError(f"webhooks.{name}.accounts: there is no account {account!r}; known: {known}.")
    return Webhooks(
        MappingProxyType(named),
        settings.callback_secret,
        settings.callback_previous_secret,
        settings.callback_allow_private_hosts,
    )


def fault_in_url(url: str, *, plain_allowed: bool) -> str | None:
    """What is wrong with an address that news shall go to, as a clause without the address; None where it is good."""
    schemes = ("https", "http") if plain_allowed else ("https",)
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        good = False
    else:
        if "@" in parts.netloc:
            return "it must hold no user and no password; what is sent there is signed instead"
    if not good or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or set(url) & set("\\ #"):
        form = " or ".join(f"{scheme}://host/path" for scheme in schemes)
        return f"write it as {form}, {LONGEST_URL} characters at most"
    return None


def shown_url(url: str) -> str:
    """Scheme and host: the path may be a secret of the receiver's (`https://hooks.example/services/…`), as may the query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{'…' if parts.path.strip('/') or parts.query else ''}"


def _webhook(name: str, table: Mapping[str, Any]) -> Webhook:
    if not _NAME.fullmatch(name) or name == CALLBACK:
        raise SettingsError(
            f"webhooks.{name!a}: a webhook's name begins with a lower-case letter or a digit and goes on with those, "
            f'with - or _, 63 characters at most, and is not "{CALLBACK}"; rename it.'
        )
    try:
        return Webhook.model_validate(dict(table))
    except ValidationError as error:
        raise SettingsError(complaint_in_table(f"webhooks.{name}", Webhook, error)) from None


def _checked(setting: str, reference: SecretRef) -> SecretStr:
    secret = reference.reveal(setting)
    text = secret.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix(_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith(_PREFIX) or size not in _SECRET_BYTES:
        raise SettingsError(f"{setting}: it is no {_PREFIX} secret of 24 to 64 bytes; make one with `{_MAKE_ONE}`.")
    return secret
