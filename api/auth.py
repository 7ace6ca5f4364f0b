"""Knows who calls, and what they may do: a route takes a Reader, a Writer or an Admin."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security.base import SecurityBase

from api.problems import ProblemError
from landfall.database.keys import Scope

HEALTH = frozenset({"/healthz", "/readyz"})
# What answers without a key.
OPEN = HEALTH | {"/login"}
_ABOUT_KEYS = "An API key: `landfall keys create NAME` makes one, `POST /v1/keys` does too."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the id and name of their key, and when it expires; `accounts` is what it is limited to, None where it is not."""

    key_id: str
    name: str
    accounts: frozenset[str] | None = None
    scope: Scope = Scope.READ
    expires_at: datetime | None = None

    def sees(self, account: str) -> bool:
        """Whether the key is good for this account."""
        return self.accounts is None or account in self.accounts

    def no_account(self, account: str, configured: Iterable[str]) -> str:
        """Say that there is no such account, and which of the configured ones the key sees."""
        known = ", ".join(sorted(filter(self.sees, configured))) or "none"
        return f"there is no account {account!r}; known: {known}"


class Needs(SecurityBase):
    """Lets a caller pass whose key has the scope; a dependency, and the security scheme of the OpenAPI document."""

    def __init__(self, scope: Scope) -> None:
        """Let those pass whose key's scope includes this one."""
        self.scope = scope
        self.model = HTTPBearer(bearerFormat="lf_…", description=_ABOUT_KEYS)
        self.scheme_name = "key"

    async def __call__(self, request: Request) -> Caller:
        """Who calls. Raises ProblemError (403)."""
        # Set by the gate, which lets nobody through without.
        caller: Caller = request.state.caller
        if not caller.scope.includes(self.scope):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                f"this needs a key of scope {self.scope}; the scope of yours, {caller.name!r}, is {caller.scope}",
                headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{self.scope}"'},
            )
        return caller


Reader = Annotated[Caller, Security(Needs(Scope.READ), scopes=[Scope.READ.value])]
Writer = Annotated[Caller, Security(Needs(Scope.WRITE), scopes=[Scope.WRITE.value])]
Admin = Annotated[Caller, Security(Needs(Scope.ADMIN), scopes=[Scope.ADMIN.value])]


def require_scopes(app: FastAPI) -> None:
    """Raise LookupError where a route says of nobody who may call it: it would be open to every key."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.path not in OPEN and not scopes_of(route):
            raise LookupError(f"{route.path}: let {route.name} take a Reader, Writer or Admin of api.auth")


def scopes_of(route: RouteContext) -> set[Scope]:
    """The scopes that a route asks for."""
    return set(_scopes(route.dependant.dependencies))


def _scopes(dependants: Iterable[Dependant]) -> Iterable[Scope]:
    for each in dependants:
        if isinstance(each.call, Needs):
            yield each.call.scope
        yield from _scopes(each.dependencies)
