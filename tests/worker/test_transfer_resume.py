"""Promises of how a download goes on after it broke off."""

import asyncio

import pytest

from landfall.exports.errors import LinkExpired, TransferBroken
from tests.asynchronous import run
from tests.worker.fetching import MemorySink, fetched
from tests.worker.file_server import TAG, Asked, Reply, Script, chunked, honest, status, whole
from worker.transfer.patience import Patience

CONTENT = b"id,amount\n" + b"".join(b"%d,%d\n" % (number, number * 7) for number in range(300_000))
OTHER = CONTENT.replace(b"7", b"8")


def held(count: int, tag: str | None = TAG) -> MemorySink:
    return MemorySink(bytearray(CONTENT[:count]), tag)


@pytest.mark.parametrize("offset", [1, 9, 1 << 20, (1 << 20) + 1, len(CONTENT) - 1])
def test_a_body_that_breaks_off_is_taken_up_at_its_offset(offset: int) -> None:
    got = run(fetched(honest(CONTENT, upto=offset), honest(CONTENT)))
    assert (got.error, got.content == CONTENT) == (None, True)
    assert got.ranges == [None, f"bytes={offset}-"]
    assert got.sink.begun == [TAG]


def test_what_a_killed_worker_held_is_continued_by_the_first_request() -> None:
    got = run(fetched(honest(CONTENT), sink=held(1_234_567)))
    assert (got.error, got.content == CONTENT, got.ranges) == (None, True, ["bytes=1234567-"])
    assert got.sink.begun == []
    assert got.whole is not None
    assert (got.whole.bytes, got.whole.tag) == (len(CONTENT), TAG)


def test_what_is_held_without_a_tag_is_not_continued() -> None:
    got = run(fetched(honest(CONTENT), sink=held(1000, tag=None)))
    assert (got.content == CONTENT, got.ranges, got.sink.begun) == (True, [None], [TAG])


def test_a_changed_file_is_begun_anew() -> None:
    got = run(fetched(honest(CONTENT, upto=100_000), honest(OTHER, '"v2"')))
    assert (got.error, got.content == OTHER, got.sink.begun) == (None, True, [TAG, '"v2"'])


def test_a_host_that_ignores_ranges_is_begun_anew() -> None:
    got = run(fetched(honest(CONTENT, upto=100_000), whole(CONTENT, etag=TAG)))
    assert (got.error, got.content == CONTENT, got.requests) == (None, True, 2)


@pytest.mark.parametrize("tag", ['W/"v1"', "v1", '""', ""])
def test_without_a_strong_tag_every_request_asks_for_the_whole(tag: str) -> None:
    got = run(fetched(honest(CONTENT, tag, upto=100_000), honest(CONTENT, tag)))
    assert (got.error, got.content == CONTENT, got.ranges) == (None, True, [None, None])
    assert got.sink.begun == [None, None]


def test_a_file_that_cannot_be_resumed_is_begun_anew_twice_and_no_more() -> None:
    got = run(fetched(honest(CONTENT, 'W/"v1"', upto=2 << 20)))
    assert isinstance(got.error, TransferBroken)
    assert "could not be resumed" in str(got.error)
    assert len(got.sink.begun) == 3


def partial(content_range: str, tag: str = TAG, encoding: str = "") -> Script:
    body = CONTENT[100_000:]
    head = {"content-range": content_range, "etag": tag, "content-encoding": encoding, "content-length": str(len(body))}
    return lambda _: Reply(206, {name: value for name, value in head.items() if value}, (body,))


RIGHT = f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT)}"


@pytest.mark.parametrize(
    "answer",
    [
        partial(f"bytes 99999-{len(CONTENT) - 1}/{len(CONTENT)}"),
        partial(f"bytes 100001-{len(CONTENT) - 1}/{len(CONTENT)}"),
        partial(f"bytes 100000-{len(CONTENT) - 1}/{len(CONTENT) + 1}"),
        partial(f"bytes 100000-{len(CONTENT)}/{len(CONTENT)}"),
        partial("bytes 100000-99999/100000"),
        partial("pages 1-2/3"),
        partial(""),
        partial(RIGHT, '"v2"'),
        partial(RIGHT, ""),
        partial(RIGHT, f"W/{TAG}"),
        partial(RIGHT, encoding="gzip"),
        status(416, content_range=f"bytes */{len(CONTENT)}"),
    ],
)
def test_a_part_that_does_not_fit_exactly_is_dropped_and_the_whole_asked_for(answer: Script) -> None:
    got = run(fetched(honest(CONTENT, upto=100_000), answer, honest(CONTENT)))
    assert (got.error, got.content == CONTENT) == (None, True)
    assert got.ranges == [None, "bytes=100000-", None]


def test_a_part_that_nobody_asked_for_is_refused() -> None:
    got = run(fetched(partial(RIGHT)))
    assert isinstance(got.error, TransferBroken)
    assert got.sink.begun == []


def test_a_416_to_the_whole_file_ends_the_fetch() -> None:
    got = run(fetched(status(416), sink=held(10)))
    assert (type(got.error), got.ranges) == (TransferBroken, ["bytes=10-", None])


def test_a_part_longer_than_its_range_is_not_kept() -> None:
    body = CONTENT[100_000:] + b"surplus"
    pieces = (b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),)
    head = {"content-range": RIGHT, "etag": TAG, "transfer-encoding": "chunked"}
    got = run(fetched(honest(CONTENT, upto=100_000), lambda _: Reply(206, head, pieces)))
    assert isinstance(got.error, TransferBroken)
    assert CONTENT.startswith(got.content)


def test_a_host_that_gives_the_rest_in_parts_is_asked_for_each() -> None:
    size = len(CONTENT)

    def bit(asked: Asked) -> Reply:
        start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
        stop = min(start + (1 << 20), size)
        head = {"content-range": f"bytes {start}-{stop - 1}/{size}", "etag": TAG, "content-length": str(stop - start)}
        return Reply(206, head, (CONTENT[start:stop],))

    got = run(fetched(bit, sink=held(1)))
    assert (got.error, got.content == CONTENT, got.sink.begun) == (None, True, [])


def test_five_resumptions_without_progress_end_the_fetch() -> None:
    got = run(fetched(honest(CONTENT, upto=1000), honest(CONTENT, upto=0)))
    assert isinstance(got.error, TransferBroken)
    assert got.requests == 1 + 5
    assert got.content == CONTENT[:1000]


def test_progress_of_a_mebibyte_earns_new_resumptions() -> None:
    cuts = [honest(CONTENT, upto=upto) for start in (1000, 2_000_000, 3_500_000) for upto in (start, *[0] * 4)]
    got = run(fetched(*cuts, honest(CONTENT)))
    assert (got.error, got.content == CONTENT, got.sink.begun) == (None, True, [TAG])


def test_a_body_that_never_began_is_not_asked_for_again_within_the_fetch() -> None:
    got = run(fetched(honest(CONTENT, upto=0)))
    assert isinstance(got.error, TransferBroken)
    assert got.requests == 1


def test_a_passing_fault_of_the_host_is_a_break_like_any_other() -> None:
    got = run(fetched(honest(CONTENT, upto=1000), status(503), status(500), honest(CONTENT)))
    assert (got.error, got.content == CONTENT) == (None, True)


def test_a_link_that_expires_in_the_middle_leaves_what_is_held_to_the_next_link() -> None:
    got = run(fetched(honest(CONTENT, upto=2_000_000), status(403)))
    assert isinstance(got.error, LinkExpired)
    assert got.content == CONTENT[:2_000_000]
    again = run(fetched(honest(CONTENT), sink=got.sink))
    assert (again.content == CONTENT, again.ranges, again.sink.begun) == (True, ["bytes=2000000-"], [TAG])


def test_a_chunked_body_that_breaks_off_is_resumed() -> None:
    got = run(fetched(chunked(CONTENT[:1000], CONTENT[1000:5000], end=False, etag=TAG), honest(CONTENT)))
    assert (got.error, got.content == CONTENT, got.ranges) == (None, True, [None, "bytes=5000-"])


def test_a_stalled_body_is_taken_up_again() -> None:
    patience = Patience(silence=0.4, pauses=(0.0,) * 5)
    got = run(fetched(honest(CONTENT, upto=1000, stall=True), honest(CONTENT), patience=patience))
    assert (got.error, got.content == CONTENT, got.ranges) == (None, True, [None, "bytes=1000-"])


def test_a_body_that_stalls_for_ever_ends_the_fetch() -> None:
    patience = Patience(silence=0.4, pauses=(0.0,))
    got = run(fetched(honest(CONTENT, upto=1000, stall=True), patience=patience))
    assert isinstance(got.error, TransferBroken)
    assert "silent" in str(got.error)


def test_a_drip_that_never_falls_silent_ends_the_fetch() -> None:
    patience = Patience(window=0.2, pauses=())
    drip = Reply(headers={"content-length": "99999999"}, drip=b"0123456789")
    got = run(fetched(lambda _: drip, patience=patience))
    assert isinstance(got.error, TransferBroken)
    assert "sent only" in str(got.error)


def test_a_slow_sink_is_not_taken_for_a_slow_host() -> None:
    class Slow(MemorySink):
        async def keep(self, chunk: bytes) -> None:
            if not self.held:
                await asyncio.sleep(0.9)
            await super().keep(chunk)

    patience = Patience(silence=0.6, window=0.6, least_bytes=1 << 30, pauses=())
    got = run(fetched(honest(CONTENT), sink=Slow(), patience=patience))
    assert (got.error, got.content == CONTENT) == (None, True)


def test_a_head_that_never_comes_ends_the_fetch() -> None:
    patience = Patience(connect=0.05, silence=0.05, pauses=())

    async def silent() -> Exception | None:
        return (await fetched(lambda _: Reply(103, drip=b"x"), patience=patience)).error

    assert isinstance(run(silent()), TransferBroken)


def test_a_fetch_that_is_cancelled_ends_after_what_it_was_keeping() -> None:
    class Gated(MemorySink):
        def __init__(self) -> None:
            super().__init__()
            self.keeping = asyncio.Event()
            self.go = asyncio.Event()

        async def keep(self, chunk: bytes) -> None:
            self.keeping.set()
            await self.go.wait()
            await super().keep(chunk)

    async def cancelled() -> tuple[bool, int]:
        sink = Gated()
        task = asyncio.create_task(fetched(honest(CONTENT), sink=sink))
        await sink.keeping.wait()
        task.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        still_running = not task.done()
        sink.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return still_running, sink.held

    still_running, count = run(cancelled())
    assert still_running
    assert 1 << 20 <= count < len(CONTENT)


def test_an_error_of_the_sink_ends_the_fetch_as_it_is() -> None:
    class Full(MemorySink):
        async def keep(self, chunk: bytes) -> None:
            if self.held:
                raise OSError(28, "No space left on device")
            await super().keep(chunk)

    got = run(fetched(honest(CONTENT), sink=Full()))
    assert isinstance(got.error, OSError)
    assert CONTENT.startswith(got.content)
