"""Tells a peer what to do: accounts, exports, addresses, and how long reports take."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

VARIABLE = "BENCH_WORK"


@dataclass(frozen=True, slots=True)
class Work:
    """Everything a peer is told; `mean` is the mean build time in seconds."""

    base_url: str
    folder: str
    redis: str
    postgres: str
    accounts: int
    exports: int
    slots: int
    mean: float
    workers: int

    @classmethod
    def given(cls) -> Self:
        """Read it from the environment."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def as_variable(self) -> dict[str, str]:
        """Write it as an environment variable."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def all(self) -> list[tuple[str, int]]:
        """Every export as (account, number), the accounts in turn."""
        return [(f"sandbox-bench-{each:03}", nth) for nth in range(self.exports) for each in range(self.accounts)]

    def file(self, account: str, nth: int) -> Path:
        """Where the CSV of this export goes."""
        return Path(self.folder) / "files" / f"{account}-{nth}.csv"

    def delay(self, waited: float) -> float:
        """Seconds until the next poll after `waited` seconds: proportional, from a twentieth of the mean on."""
        return max(self.mean / 20, 0.25 * waited)
