"""Knows who calls: the API key of a request, and what it may do."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the id and name of their key; `accounts` is what it is limited to, None where it is not."""

    key_id: str
    name: str
    accounts: frozenset[str] | None = None

    def sees(self, account: str) -> bool:
        """Whether the key is good for this account."""
        return self.accounts is None or account in self.accounts


def _anyone() -> Caller:
    return Caller("local", "local")


Reader = Annotated[Caller, Depends(_anyone)]
Writer = Annotated[Caller, Depends(_anyone)]
Admin = Annotated[Caller, Depends(_anyone)]
