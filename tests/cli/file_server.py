"""Serves one stored export as the API would, or its file as an object store would, and breaks off where told to."""

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

EXPORT_ID = "exp_served"


@dataclass
class Plan:
    """How one request for the file is answered: `cut` bytes of the body and no more, `stall` before the end."""

    status: int = 200
    cut: int | None = None
    stall: bool = False
    ignore_range: bool = False
    location: str | None = None
    content_range: str | None = None


@dataclass
class FileServer:
    """A server of `content`; requests for the file take a plan each, and are answered well once none is left."""

    content: bytes
    plans: list[Plan] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    going_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def export(self) -> dict[str, Any]:
        found = {"uri": "s3://bucket/x.csv", "bytes": len(self.content), "rows": 1, "sha256": self.sha256}
        return {"id": EXPORT_ID, "state": "stored", "error": None, "file": found}


@contextmanager
def file_server(content: bytes, *plans: Plan) -> Iterator[FileServer]:
    served = FileServer(content, list(plans))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.going_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: FileServer

    def do_GET(self) -> None:
        if self.path == f"/v1/exports/{EXPORT_ID}":
            self._send(200, json.dumps(self.served.export()).encode())
            return
        self.served.asked.append({name.lower(): value for name, value in self.headers.items()})
        self.served.paths.append(self.path)
        plan = self.served.plans.pop(0) if self.served.plans else Plan()
        if plan.location:
            self._send(307, b"", location=plan.location)
        elif plan.status != 200:
            self._send(plan.status, b"<Error><Code>AccessDenied</Code></Error>")
        else:
            self._send_file(plan)

    def _send_file(self, plan: Plan) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if not found or plan.ignore_range:
            self._send(200, self.served.content, plan, etag=f'"{self.served.sha256}"')
            return
        first, size = int(found[1]), len(self.served.content)
        told = plan.content_range or f"bytes {first}-{size - 1}/{size}"
        self._send(206, self.served.content[first:], plan, etag=f'"{self.served.sha256}"', content_range=told)

    def _send(self, status: int, body: bytes, plan: Plan | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: plan.cut] if plan else body)
        if plan and plan.stall:
            self.wfile.flush()
            self.served.going_on.wait()

    def log_message(self, *_: object) -> None:
        pass
