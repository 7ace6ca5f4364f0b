"""Measures how fast the proof of a CSV runs on one core: `python -m benchmarks.measure`."""

import csv
import hashlib
import io
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from landfall.storage.csv_shape import CsvShape
from landfall.storage.measure import Measure
from sandbox.csv_records import header, records

_CHUNK_BYTES = 1 << 20
_CHUNKS = 32
_RUNS = 3


def main() -> int:
    """Print MB/s, the best of a few runs, of the whole and of its parts."""
    sys.stdout.write(f"{'MB/s':34}{'measure':>9}{'csv only':>9}{'sha256':>9}{'csv.reader':>11}\n")
    for name, body in _bodies().items():
        sys.stdout.write(f"{name:34}{_speed(_measure, body):9.0f}{_speed(_shape, body):9.0f}")
        sys.stdout.write(f"{_speed(hashlib.sha256, body):9.0f}{_speed(_read, body[:_CHUNK_BYTES]):11.0f}\n")
    return 0


def _bodies() -> Mapping[str, bytes]:
    events, orders = _body("USER_EVENTS", "\n"), _body("orders", "\r\n")
    return {
        "events, quotes where needed": events,
        "orders, CRLF": orders,
        "events, every field quoted": _quoted(events),
        "no quotes": b"id,time,sku,price\n" + b"00012345,2026-01-01T00:00:00Z,SKU-00000001,19.99\n" * 700_000,
        "every field quoted, no , in quotes": b'"id","time","price"\n'
        + b'"00012345","2026-01-01","19.99"\n' * 1_000_000,
        'quotes in unquoted fields (5")': b"id,name\n"
        + b'1,"a, b and more",5" nail\n'.replace(b",5", b"\n2,5") * 800_000,
        "text behind closing quotes": b"id,name\n" + b'1,"a, b and more"\n2,"best" nail\n' * 800_000,
    }


def _body(report_type: str, newline: str) -> bytes:
    made, wanted = bytearray(), _CHUNK_BYTES * 4
    for record in records(report_type, newline, random.Random(1)):  # noqa: S311 - repeatable test data
        made += record
        if len(made) >= wanted:
            break
    return header(report_type, newline) + bytes(made) * (_CHUNKS // 4)


def _quoted(body: bytes) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(csv.reader(io.StringIO(body.decode(), newline="")))
    return text.getvalue().encode()


def _chunks(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES))


def _measure(body: bytes) -> None:
    measure = Measure()
    for chunk in _chunks(body):
        measure.update(chunk)
    if measure.problem:
        raise ValueError(measure.problem)


def _shape(body: bytes) -> None:
    csv_shape = CsvShape()
    for chunk in _chunks(body):
        csv_shape.feed(chunk)
    csv_shape.end()


def _read(body: bytes) -> None:
    for _ in csv.reader(io.StringIO(body.decode(errors="replace"), newline="")):
        pass


def _speed(run: Callable[[bytes], object], body: bytes) -> float:
    """MB/s of processor time: what others do on the machine hardly shows."""
    best = float("inf")
    for _ in range(_RUNS):
        began = time.thread_time()
        run(body)
        best = min(best, time.thread_time() - began)
    return len(body) / best / 1e6


if __name__ == "__main__":
    sys.exit(main())
