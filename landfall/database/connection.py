"""Says what every database can do for Landfall, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

T = TypeVar("T")
WRITE_IT = "database_url: write it as sqlite:////absolute/path.db or postgresql://user:password@host:5432/database."
# What a database answers to a statement that is wrong: nothing that a second try would mend.
MISTAKES = (DataError, IntegrityError, ProgrammingError)


class DatabaseUnavailable(Exception):
    """The database did not say that it took the transaction.

    Mostly nothing of it was written. Where the connection broke in the very commit nobody can know: whatever is tried
    again is written so that a second time changes nothing.
    """


class Database(ABC):
    """Transactions on the one database that every process shares."""

    @abstractmethod
    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that writes. Raises DatabaseUnavailable when it could not be had.

        `work` may be run more than once, each time but the last without effect.
        """

    async def stroke(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, one statement that writes, as `write` does or more quickly. Raises DatabaseUnavailable."""
        return await self.write(work)

    @abstractmethod
    async def glance(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, one query for a row or two, as quickly as can be. Raises DatabaseUnavailable."""

    @abstractmethod
    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent view, beside any writer. Raises DatabaseUnavailable."""

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what runs and close every connection."""

    async def __aenter__(self) -> Self:
        """Be closed at the end of a block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()
