"""Plants secrets and looks for them wherever Landfall writes."""

import re
import sqlite3
from pathlib import Path

from tests.stack import SECRETS, Stack

SIGNED = re.compile(rb"[?&]X-Amz-|Signature=")


def written(home: Path) -> dict[str, bytes]:
    """Every file below the home but the CSV files, and the database's rows as text."""
    files = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file() and path.suffix != ".csv"}
    with sqlite3.connect(home / "landfall.db") as database:
        files["rows"] = "\n".join(database.iterdump()).encode()
    database.close()
    return files


def test_no_secret_and_no_signed_url_is_written_anywhere(stack: Stack) -> None:
    faults = [
        ("download_dropped", {}),
        ("link_expired", {}),
        ("unauthorized", {"operation": "poll"}),
        ("garbage_answer", {"operation": "link"}),
        ("html_page", {}),
        ("server_error", {"operation": "download"}),
        ("lost_answer", {"operation": "token"}),
    ]
    for fault, how in faults:
        stack.sandbox.fault(fault, **how)
    stack.start("worker")
    ids = [stack.submit(account, number, force=True) for account in ("shop-ab", "shop-bwp") for number in range(4)]
    answers = [stack.wait_for(id_, "stored", "failed") for id_ in ids]
    assert sum(stack.sandbox.stats()["faults"].values()) == len(faults)
    found = written(stack.home)
    found["answers"] = repr([answers, [stack.events(id_) for id_ in ids]]).encode()
    secrets = [SECRETS["IT_TOKEN"].encode(), SECRETS["BWP_SECRET"].encode()]
    for place, text in found.items():
        assert not SIGNED.search(text), place
        assert not [secret for secret in secrets if secret in text], place
    assert stack.log("worker")
