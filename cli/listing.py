"""Shows the lists of the API, a page or all of them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from sys import stdout
from typing import Annotated, Any

import typer

from cli.client import Api, Reply
from cli.output import answer, remark
from cli.tables import Columns, print_lines, print_table

All = Annotated[bool, typer.Option("--all", help="Every page, one after another, instead of --limit.")]

Query = Mapping[str, str | int | list[str] | None]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: where the API has it, at most how many at once, and how it reads."""

    path: str
    columns: Columns
    row: Callable[[dict[str, Any]], Sequence[object]]
    none: str
    most: int = 200


def tell(listing: Listing, api: Api, query: Query, *, everything: bool = False, as_json: bool) -> None:
    """Show the page that the query means, or that and all behind it. Raises as `Api.get` does."""
    if everything:
        _tell_all(listing, api, query, as_json=as_json)
        return
    reply = api.get(listing.path, query)
    if as_json:
        answer(reply.text)
        return
    page = reply.body
    print_table(listing.columns, map(listing.row, page["items"]), none=listing.none)
    if page["next"]:
        remark(f"There are more: the same with --cursor {page['next']} goes on, --all shows every page.")


def pages(api: Api, path: str, query: Query) -> Iterator[Reply]:
    """The page that the query means, and those behind it. Raises as `Api.get` does."""
    cursor = query.get("cursor")
    while True:
        reply = api.get(path, {**query, "cursor": cursor})
        yield reply
        cursor = reply.body["next"]
        if cursor is None:
            return


def _tell_all(listing: Listing, api: Api, query: Query, *, as_json: bool) -> None:
    found = (reply.body["items"] for reply in pages(api, listing.path, {**query, "limit": listing.most}))
    if as_json:
        answer(json.dumps({"items": list(chain.from_iterable(found)), "next": None}, ensure_ascii=False))
    elif stdout.isatty():
        print_table(listing.columns, map(listing.row, chain.from_iterable(found)), none=listing.none)
    else:
        _print_as_they_come(listing, found)


def _print_as_they_come(listing: Listing, found: Iterator[Sequence[dict[str, Any]]]) -> None:
    """A pipe need not wait for the last page, nor this machine hold them all."""
    first = next(found)
    print_table(listing.columns, map(listing.row, first), none=listing.none)
    for page in found:
        print_lines(map(listing.row, page))
