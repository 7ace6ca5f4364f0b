"""Serves one large CSV file as fast as a socket takes it: `python -m benchmarks.file_server BYTES`."""

import socket
import sys
import threading
from contextlib import suppress

from sandbox.csv_body import CsvBody

_BODY = CsvBody.of("USER_EVENTS", "bench", seed=7, at_most=1 << 20)
HEADER = _BODY.heading


def block() -> bytes:
    """Whole records of the sandbox's user events, about a mebibyte, that the body repeats."""
    return _BODY.block.data * 4


def _answer(connection: socket.socket, size: int, repeated: bytes) -> None:
    with suppress(OSError), connection:
        while not connection.recv(65536).endswith(b"\r\n\r\n"):
            pass
        head = f'HTTP/1.1 200 OK\r\ncontent-length: {size}\r\ncontent-type: text/csv\r\netag: "v1"\r\nconnection: close\r\n\r\n'
        connection.sendall(head.encode() + HEADER)
        for _ in range((size - len(HEADER)) // len(repeated)):
            connection.sendall(repeated)


def whole_size(wanted: int) -> int:
    """The nearest size to `wanted` bytes that ends with a whole block."""
    one = len(block())
    return len(HEADER) + max(1, round((wanted - len(HEADER)) / one)) * one


def main() -> None:
    """Print the port, then serve until killed."""
    size, repeated = int(sys.argv[1]), block()
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)  # noqa: T201 - the caller reads it
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_answer, args=(connection, size, repeated), daemon=True).start()


if __name__ == "__main__":
    main()
