"""Promises of what is found out at most once a second."""

import asyncio

import pytest

from api.fresh import Fresh
from tests.asynchronous import run


class Counter:
    """Counts the looks; each ends when it is let go."""

    def __init__(self) -> None:
        self.looks = 0
        self.go = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        await self.go.wait()
        return self.looks


def test_all_who_ask_while_somebody_looks_get_what_that_one_sees() -> None:
    async def ask() -> None:
        counter = Counter()
        fresh = Fresh(counter.look)
        asking = [asyncio.create_task(fresh.get()) for _ in range(10)]
        while not counter.looks:  # noqa: ASYNC110 - the condition is the looker's own
            await asyncio.sleep(0)
        counter.go.set()
        assert await asyncio.gather(*asking) == [1] * 10

    run(ask())


def test_what_was_seen_is_looked_at_again_after_a_second() -> None:
    async def ask() -> None:
        counter = Counter()
        counter.go.set()
        fresh = Fresh(counter.look)
        assert await fresh.get() == 1
        while await fresh.get() == 1:  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.01)
        assert counter.looks == 2

    run(ask())


def test_one_who_gives_up_waiting_does_not_take_the_others_answer_along() -> None:
    async def ask() -> None:
        counter = Counter()
        fresh = Fresh(counter.look)
        first, second = asyncio.create_task(fresh.get()), asyncio.create_task(fresh.get())
        while not counter.looks:  # noqa: ASYNC110 - the condition is the looker's own
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        counter.go.set()
        assert await second == 1

    run(ask())


def test_an_error_is_everybodys_and_is_not_kept_for_ever() -> None:
    class Fault(Exception):
        pass

    async def ask() -> None:
        faults = [Fault(), None]

        async def look() -> str:
            if fault := faults.pop(0):
                raise fault
            return "seen"

        fresh = Fresh(look)
        for _ in range(2):
            with pytest.raises(Fault):
                await fresh.get()
        while faults:
            try:
                assert await fresh.get() == "seen"
            except Fault:
                await asyncio.sleep(0.01)

    run(ask())
