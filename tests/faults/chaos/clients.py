"""Asks for exports all the time, whatever has just been killed, and keeps what was promised."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.faults.chaos.accounts import Account
from tests.stack import Stack

_AGAIN_SECONDS = 0.2


@dataclass
class Clients:
    """Ask for so many exports, evenly over so many seconds, from a thread; `accepted` are those that were promised."""

    stack: Stack
    accounts: Sequence[Account]
    count: int
    seconds: float
    seed: str
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._ask_for_all, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def _ask_for_all(self) -> None:
        wanted = [(account, number // len(self.accounts)) for number, account in enumerate(self._in_turn())]
        random.Random(self.seed).shuffle(wanted)
        began = time.monotonic()
        for place, (account, number) in enumerate(wanted):
            if self._over.wait(max(0.0, began + self.seconds * place / self.count - time.monotonic())):
                return
            self._ask_until_accepted(account, number)

    def _in_turn(self) -> Sequence[Account]:
        return [self.accounts[number % len(self.accounts)] for number in range(self.count)]

    def _ask_until_accepted(self, account: Account, number: int) -> None:
        """A client of sense: what was not accepted is asked for again, in the same words."""
        body = {"account": account.name, "request": account.request(number)}
        while not self._over.is_set():
            try:
                answer = self.stack.post("/v1/exports", json=body)
            except httpx.TransportError:
                self.refused += 1
                self._over.wait(_AGAIN_SECONDS)
                continue
            if answer.is_success:
                self.accepted.append(str(answer.json()["id"]))
                return
            self.refused += 1
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                self.errors.append(f"{answer.status_code}: {answer.text[:200]}")
                return
            self._over.wait(_AGAIN_SECONDS)
