"""Serves a file of some megabytes as the tests of `landfall fetch` do."""

from contextlib import AbstractContextManager

from tests.cli.file_server import FileServer, Plan, file_server

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(100_000))


def served(*plans: Plan) -> AbstractContextManager[FileServer]:
    """The file behind an API; requests for it take a plan each."""
    return file_server(CONTENT, *plans)
