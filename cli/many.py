"""Steers many exports by a filter, after it has told how many they are."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.client import Api
from cli.failures import CommandError, WrongInputError
from cli.moments import as_moment
from cli.output import answer, remark

Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FIELD=VALUE",
        help="Those that all filters let through: state, account, vendor, label (KEY:VALUE), batch, since, until, error.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every export there is, instead of a filter.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell how many they are.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

_LISTS = frozenset({"state", "label"})
_SINGLE = frozenset({"account", "vendor", "batch", "since", "until", "error"})
_MOMENTS = frozenset({"since", "until"})
# A hundred thousand exports take minutes, and the API answers when the last one is done.
_LONGEST_SECONDS = 3600.0


def read_filter(words: Sequence[str], *, everything: bool) -> dict[str, Any]:
    """The part of a request that says which exports are meant. Raises WrongInputError naming the word."""
    found: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or name not in _LISTS | _SINGLE or not value:
            known = ", ".join(sorted(_LISTS | _SINGLE))
            raise WrongInputError(f"filter: {word!r} is no filter; write it as FIELD=VALUE with one of {known}.")
        if name in _LISTS:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise WrongInputError(f"filter: {name} is given twice; give it once.")
        else:
            found[name] = as_moment(f"filter {name}", value).isoformat() if name in _MOMENTS else value
    return {"filter": found, "all": True} if everything else {"filter": found}


def steer_many(api: Api, verb: str, body: dict[str, Any], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Count, ask, and cancel or retry. Raises WrongInputError where nobody can be asked."""
    path = f"/v1/exports/{verb}"
    if dry_run or not yes:
        counted = api.post(path, body | {"dry_run": True})
        if dry_run:
            answer(counted.text if as_json else f"{_counted(counted.body)} would be {_DONE[verb]}.")
            return
        _ask(verb, _counted(counted.body))
    steer_whole(api, path, verb, body, as_json=as_json)


def steer_whole(api: Api, path: str, verb: str, body: dict[str, Any], *, as_json: bool) -> None:
    """Cancel or retry all that a path means, and tell how many they were."""
    api.timeout = _LONGEST_SECONDS
    reply = api.post(path, body)
    if as_json:
        answer(reply.text)
        return
    answer(f"{_exports(reply.body['changed'])} {_DONE[verb]}.")
    if skipped := reply.body["skipped"]:
        remark(f"{_exports(skipped)} left alone: their state does not allow it.")


_DONE = {"cancel": "cancelled", "retry": "sent on their way again"}


def _ask(verb: str, what: str) -> None:
    if not sys.stdin.isatty():
        raise WrongInputError(f"{what}; say --yes to {verb} them without being asked, or --dry-run to only count.")
    if not typer.confirm(f"{verb.capitalize()} {what}?", err=True):
        raise CommandError("nothing was changed.")


def _counted(count: dict[str, Any]) -> str:
    states = ", ".join(f"{amount} {state}" for state, amount in count["by_state"].items())
    return _exports(count["matched"]) + (f" ({states})" if states else "")


def _exports(count: int) -> str:
    return "1 export" if count == 1 else f"{count} exports"
