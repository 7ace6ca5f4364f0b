"""Shows Landfall at work on this machine alone: a dozen exports of both vendors against the sandbox."""

import json
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli.client import Api
from cli.credentials import KEY_FILE, read_key
from cli.demo_board import Board, open_board
from cli.demo_cast import Cast
from cli.demo_proof import Proof, csv_path, prove
from cli.demo_setting import SLOTS, Setting, make_folder, submissions
from cli.failures import DONE, CommandError, NotStoredError, UnreachableError
from cli.output import answer, remark
from cli.parsing import AsJson
from cli.processes import own_command
from cli.words import ENDED

_LOOK_SECONDS = 0.15
_LIMIT_SECONDS = 120.0


def demo(
    *,
    home: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to work in; default .landfall-demo/<time> in the current one."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the sandbox's build times and files.")] = 7,
    as_json: AsJson = False,
) -> int:
    """Show Landfall at work: 12 exports of both vendors, from the sandbox to proven CSV files."""
    tell = remark if as_json else answer
    setting = make_folder(home)
    with Cast(setting) as cast:
        tell(f"The demo works in {setting.folder}")
        sandbox = cast.start_sandbox(seed)
        url = cast.start_landfall(sandbox)
        api = Api(url, key=read_key(setting.home / KEY_FILE))
        tell(f"The sandbox stands in for both vendors at {sandbox['url']}; Landfall is up at {api.url}.\n")
        ids = [api.post("/v1/exports", body).body["id"] for body in submissions()]
        with open_board(tell, live=not as_json) as board:
            exports = _watch(api, ids, board, cast)
        proof = prove(exports, sandbox["url"])
    if as_json:
        told = {"folder": str(setting.folder), "good": proof.good, "most_started": proof.most_started}
        answer(json.dumps({**told, "exports": exports}, ensure_ascii=False))
    else:
        _tell(proof)
    if not proof.good:
        raise NotStoredError(f"not every export ended as it should; the logs lie in {setting.folder}.")
    tell(_what_next(setting, exports, sandbox))
    return DONE


def _watch(api: Api, ids: Sequence[str], board: Board, cast: Cast) -> list[dict[str, Any]]:
    """Show the exports until all have ended, and return them in the order of `ids`. Raises CommandError."""
    end = time.monotonic() + _LIMIT_SECONDS
    while True:
        cast.check()
        try:
            found = {export["id"]: export for export in api.get("/v1/exports", {"limit": 200}).body["items"]}
        except UnreachableError:
            cast.check()
            raise
        exports = [found[each] for each in ids]
        board.show(exports, api.get("/v1/accounts").body["items"])
        if all(export["state"] in ENDED for export in exports):
            return exports
        if time.monotonic() > end:
            raise CommandError(
                f"the exports did not end within {_LIMIT_SECONDS:.0f} s; {cast.logs} say what kept them."
            )
        time.sleep(_LOOK_SECONDS)


def _tell(proof: Proof) -> None:
    answer("")
    for line in proof.lines:
        answer(line)
    answer(f"\nReports started at once, as the sandbox counted: at most {proof.most_started} (limit {SLOTS}).")


def _what_next(setting: Setting, exports: Sequence[Mapping[str, Any]], sandbox: Mapping[str, str]) -> str:
    landfall, port = own_command(), urlsplit(sandbox["url"]).port
    lines = ["Everything is stopped again. What to try next:", f"  head -n 3 {shlex.quote(str(csv_path(exports[0])))}"]
    if shutil.which("sqlite3"):
        query = shlex.quote("select account, state, polls, file_rows from exports")
        lines.append(f"  sqlite3 {shlex.quote(str(setting.home / 'landfall.db'))} {query}")
    lines += [
        f"  {landfall} sandbox --port {port}        # in one terminal, then in another:",
        f"  . {shlex.quote(str(setting.credentials))} && {landfall} up",
        "README.md tells how to use your own accounts.",
    ]
    return "\n".join(lines)
