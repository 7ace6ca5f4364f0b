"""Row 53: links, redirects and names that lead inside."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, codes
from tests.stack import ROOT

WITNESS = Path(__file__).parent / "witnesses" / "connections"
PUBLIC = "93.184.215.14"
EVER = 1000
METADATA = "169.254.169.254"
# {port} is one of this machine where somebody listens.
LINKS = [
    f"https://{METADATA}/latest/meta-data/",
    f"http://{METADATA}/latest/meta-data/",
    f"https://[::ffff:{METADATA}]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://0x7f000001:{port}/",
    "https://localhost:{port}/",
    "https://inside.example:{port}/",
    "https://rebound.example:{port}/",
    "https://mixed.example:{port}/",
    "https://metadata.example/",
    f"https://user:word@{PUBLIC}:{{port}}/",
]
REDIRECTS = [
    f"http://{METADATA}/latest/meta-data/",
    "https://metadata.example/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "//localhost:{port}/",
    "gopher://127.0.0.1:{port}/",
    "file:///etc/hostname",
]
NAMES = {
    "inside.example": [["127.0.0.1"]],
    "metadata.example": [[METADATA]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "rebound.example": [[PUBLIC], ["127.0.0.1"]],
}
STRANGE = {f"link-{number}": location for number, location in enumerate(LINKS)}
REDIRECTED = {f"redirect-{number}": location for number, location in enumerate(REDIRECTS)}
FOR_PUBLIC = accounts_of(STRANGE, "allow_private_hosts = false")
FOR_ONE_HOST = accounts_of([*REDIRECTED, "file"], 'download_hosts = ["127.0.0.1"]')


@pytest.fixture
def inner() -> Iterator[socket.socket]:
    """A service of this machine that nobody outside may reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.mark.faults(
    53, "links, redirects and names that lead inside",
    accounts=FOR_PUBLIC["accounts"] + FOR_ONE_HOST["accounts"],
    settings=FOR_PUBLIC["settings"] | FOR_ONE_HOST["settings"],
)  # fmt: skip
def test_nothing_inside_is_ever_connected_to(row: Row, inner: socket.socket, tmp_path: Path) -> None:
    port = inner.getsockname()[1]
    for name, location in STRANGE.items():
        break_it(row, name, "strange_link", location=location.format(port=port), count=EVER)
    for name, location in REDIRECTED.items():
        break_it(row, name, "redirected", location=location.format(port=port), count=EVER)
    break_it(row, "file", "strange_link", location="file:///etc/hostname")
    seen = tmp_path / "connections"
    start_witnessed_worker(row, seen)
    ids = {name: row.submit(account=name)[0] for name in (*STRANGE, *REDIRECTED, "file")}
    failed = {id_: "download_refused" for name, id_ in ids.items() if name != "file"}
    assert_survived(row, timed=False, failed=failed, injected=len(ids))
    assert codes(row, ids["file"]) == {"answer_lost"}
    with pytest.raises(BlockingIOError):
        inner.accept()
    connections = {tuple(line.split()) for line in seen.read_text(encoding="utf-8").splitlines()}
    sandbox = urlsplit(row.stack.sandbox.control)
    # To the name that later leads inside a connection is right as long as it is public.
    assert connections == {("127.0.0.1", str(sandbox.port)), (PUBLIC, str(port))}
    row.note(places=len(ids), requests_made=0)


def start_witnessed_worker(row: Row, seen: Path) -> None:
    row.stack.start(
        "worker",
        PYTHONPATH=f"{WITNESS}{os.pathsep}{ROOT}",
        SEEN_CONNECTIONS=str(seen),
        STAGED_NAMES=json.dumps(NAMES),
    )
