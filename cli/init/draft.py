"""Holds what is to be written, before anything is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from landfall.settings import SecretRef

Value = str | SecretRef | SecretStr
"""Text for the file, a place where a secret is kept already, or a secret that was typed and has no place yet."""


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """An account to be written."""

    name: str
    vendor: str
    base_url: str | None
    values: Mapping[str, Value]

    @property
    def typed(self) -> Mapping[str, SecretStr]:
        """The secrets that need a file."""
        return {name: value for name, value in self.values.items() if isinstance(value, SecretStr)}

    def typed_again(self, secrets: Mapping[str, str]) -> "AccountDraft":
        """The account with other secrets."""
        return replace(self, values={**self.values, **{name: SecretStr(text) for name, text in secrets.items()}})

    def table(self, folder: Path) -> dict[str, str | SecretRef]:
        """The account as a table of landfall.toml; what was typed is in files of this folder."""
        placed = {
            name: SecretRef(file=secret_file(folder, self.name, name)) if isinstance(value, SecretStr) else value
            for name, value in self.values.items()
        }
        return {"vendor": self.vendor, **placed, **({"base_url": self.base_url} if self.base_url else {})}


@dataclass(frozen=True, slots=True)
class Draft:
    """Accounts to be written, and the settings that a new file is to have beside them."""

    accounts: list[AccountDraft]
    settings: Mapping[str, str] = field(default_factory=dict)


def secret_file(folder: Path, account: str, name: str) -> Path:
    """Where a secret that was typed is kept."""
    return folder / f"{account}.{name}"
