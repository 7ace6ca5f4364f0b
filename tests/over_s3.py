"""Runs an API over a bucket of a real S3 service, for tests of files that are handed out by link."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.swift import Swift
from tests.stack import Stack, run_stack, until
from tests.vendors.sandbox_process import Sandbox

NOWHERE = "http://127.0.0.1:9"
BUCKET = "landfall"
STORE = f"s3://{BUCKET}/files"


@contextmanager
def api_over_s3(folder: Path, service: Swift) -> Iterator[Stack]:
    """A ready API with its home in the folder; its vendors are nowhere."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(folder / "home", vendors) as stack:
        stack.start("api", LANDFALL_STORAGE_URL=STORE, AWS_ENDPOINT_URL=service.endpoint)
        until(stack._ready, "a ready API")
        yield stack
