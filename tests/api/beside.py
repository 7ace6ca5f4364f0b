"""Runs another API process beside the first, on the same home, with settings of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.free_port import free_port
from tests.stack import Stack


@contextmanager
def another_api(api: Stack, **settings: str) -> Iterator[Stack]:
    other = replace(api, port=free_port(), settings={**api.settings, **settings}, processes=[])
    try:
        other.start_api()
        yield other
    finally:
        other.stop()
