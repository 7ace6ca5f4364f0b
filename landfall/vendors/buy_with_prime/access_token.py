"""Describes a Buy with Prime access token and its ages."""

from dataclasses import dataclass
from typing import Self, TypeGuard

from pydantic import SecretStr

_REFRESH_SHARE = 0.8
# It is given up a little before the vendor does, for the time that a call takes.
_USE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token, the seconds that it lives, and the seconds since it was asked for."""

    value: SecretStr
    life: float
    age: float = 0.0

    @classmethod
    def left_with(cls, value: SecretStr, life: float, seconds: float) -> Self:
        """The token that may be used for so many seconds yet."""
        return cls(value, life, age=_USE_SHARE * life - seconds)

    @property
    def fresh_for(self) -> float:
        """Seconds until it should be refreshed; not above 0: at once."""
        return _REFRESH_SHARE * self.life - self.age

    @property
    def usable_for(self) -> float:
        """Seconds until it may no longer be used; not above 0: it is dead."""
        return _USE_SHARE * self.life - self.age


def can_be_sent(value: object) -> TypeGuard[str]:
    """Whether it can stand in an Authorization header (RFC 6750, 2.1, read generously)."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value
