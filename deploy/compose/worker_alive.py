"""Tells by its exit code whether the worker of this container was heard of in the database of late."""  # noqa: INP001 - a script of the image

import asyncio
import os
import socket
import sys

import asyncpg

_SECONDS = 5
_NO_ANSWER = 3
# A worker calls itself host:process:token, and a container's host name is its own.
_HEARD_OF = "SELECT count(*) FROM ops_workers WHERE starts_with(id, $1) AND alive"


async def _alive() -> bool:
    url = os.environ["LANDFALL_DATABASE_URL"]
    connection = await asyncpg.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        return bool(await connection.fetchval(_HEARD_OF, f"{socket.gethostname()}:"))
    finally:
        await connection.close()


def main() -> int:
    """0: it was; 1: it was not; 3: the database does not answer. And why."""
    try:
        alive = asyncio.run(_alive())
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"the database does not answer: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - this is a command
        return _NO_ANSWER
    if not alive:
        print("the worker of this container has not reported for 15 s", file=sys.stderr)  # noqa: T201 - this is a command
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
