"""Stands before a Postgres that was built without TLS and speaks it for it, with a certificate signed by itself."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REQUEST_BYTES = 8  # SSLRequest (PostgreSQL, "Message Formats")


class NoCertificateError(Exception):
    """No certificate can be made here; the text says why."""


def make_certificate(folder: Path) -> Path:
    """Write a certificate for localhost and its key; returns the certificate. Raises NoCertificateError."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise NoCertificateError("openssl, which makes a certificate, is not installed")
    folder.mkdir()
    key, certificate = folder / "server.key", folder / "server.crt"
    made = (openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate))
    subprocess.run([*made, *names], check=True, capture_output=True)
    return certificate


@contextmanager
def tls_front(host: str, port: int, certificate: Path) -> Iterator[int]:
    """Serve on a port until the block ends; every connection is carried on to host and port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(_REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(context)
            behind_reader, behind_writer = await asyncio.open_connection(host, port)
            await asyncio.gather(_carry(reader, behind_writer), _carry(behind_reader, writer))
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
