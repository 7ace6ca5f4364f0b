"""Promises of docs/reference/webhooks.md: the receiver that it shows verifies what is sent."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from landfall.database.deliveries import Delivery, new_id
from landfall.net.carrier import Carrier
from tests import plain_http
from tests.asynchronous import run
from tests.free_port import free_port
from tests.stack import until
from tests.webhooks.receiver import OTHER_SECRET, SECRET
from worker.webhooks.posting import Answer, post
from worker.webhooks.receivers import Receiver

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "webhooks.md"
LONGEST = 18


@contextmanager
def shown_receiver(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run the docs' own words."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    program = tmp_path / "receiver.py"
    program.write_text(found[1], encoding="utf-8")
    assert len(found[1].splitlines()) <= LONGEST
    port = free_port()
    environment = os.environ | {"PORT": str(port), "WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(
        [sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            until(lambda: _listens(port), "that it listens")
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 204), (OTHER_SECRET, 401)])
def test_the_receiver_of_the_docs_takes_what_is_signed_with_its_secret_alone(
    tmp_path: Path, secret: str, status: int
) -> None:
    now = datetime.now(UTC)
    delivery = Delivery(
        id=new_id(),
        type="export.stored",
        subject="exp_1",
        account=None,
        payload='{"type":"export.stored","data":{}}',
        created_at=now,
        due_at=now,
    )

    async def scenario(url: str) -> Answer:
        carrier = Carrier()
        try:
            to = Receiver(url, [Webhook(secret)], carrier, "allow_private_hosts")
            return await post(to, delivery, at=now, seconds=30.0)
        finally:
            await carrier.aclose()

    with shown_receiver(tmp_path) as (url, process):
        assert run(scenario(url)).status == status
        if status == 204:
            assert process.stdout
            assert process.stdout.readline() == f"{delivery.id} export.stored\n"
        assert plain_http.post(url, content=b"{}").status_code == 401
