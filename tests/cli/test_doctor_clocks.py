"""Promises that `landfall doctor` tells when this machine's clock is off."""

import contextlib
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.diagnosis import diagnose
from tests.cli.running import NOWHERE, write_accounts


@contextlib.contextmanager
def clock(seconds_ahead: float | None) -> Iterator[str]:
    """A vendor that answers nothing but what time it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(404)
            if seconds_ahead is not None:
                self.send_header("Date", formatdate(time.time() + seconds_ahead, usegmt=True))
            self.end_headers()

        do_POST = do_HEAD  # noqa: N815 - http.server's name for it

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("ahead", "status", "named"),
    [
        (0, "ok", "agrees"),
        (None, "ok", "does not say"),
        (120, "warning", "behind"),
        (-120, "warning", "ahead of"),
        (3600, "error", "behind"),
    ],
)
def test_a_clock_that_is_off_is_told(tmp_path: Path, ahead: float | None, status: str, named: str) -> None:
    with clock(ahead) as url:
        write_accounts(tmp_path, {"intelligems": url, "buy_with_prime": url})
        assert named in diagnose(tmp_path).one("clock", status)


def test_the_store_s_clock_counts_too(tmp_path: Path) -> None:
    write_accounts(tmp_path, NOWHERE)
    with clock(3600) as url:
        env = {"LANDFALL_STORAGE_URL": "s3://bucket/prefix", "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        assert "behind that of 127.0.0.1" in diagnose(tmp_path, "--offline", env=env).one("clock", "error")


def test_a_vendor_that_is_away_has_no_say_about_the_clock(tmp_path: Path) -> None:
    write_accounts(tmp_path, NOWHERE)
    assert diagnose(tmp_path).status("clock") == []
