"""Asks for pages as a browser does: it takes HTML, keeps cookies, and follows nothing by itself."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from tests.stack import Stack

# What Chromium sends.
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
WRONG = "lf_wrongkey_" + "x" * 43
# Where a proxy stands, for an API that is to believe it.
PROXY = "127.0.0.0/8"
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


class Visitor:
    """One browser, with cookies of its own."""

    def __init__(self, stack: Stack, **headers: str) -> None:
        self._url = stack.url
        self.client = httpx.Client(
            base_url=stack.url, headers={"accept": ACCEPT, **headers}, trust_env=False, timeout=60
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.client.get(path, **how)

    def send(
        self, path: str, fields: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a form, as a browser does from one of our pages unless the headers say otherwise."""
        sent = {"origin": self._url, "sec-fetch-site": "same-origin"} if headers is None else headers
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.client.post(path, data=fields or {}, headers={**kind, **sent})

    def log_in(self, key: str, wanted: str = "/", **headers: str) -> httpx.Response:
        return self.send("/login", {"key": key, "next": wanted}, headers or None)

    def form_token(self, path: str = "/") -> str:
        """What the forms of a page carry."""
        found = _TOKEN.search(self.get(path).text)
        assert found
        return found[1]

    def log_out(self) -> httpx.Response:
        return self.send("/logout", {"form_token": self.form_token()})

    @property
    def token(self) -> str:
        """What the session's cookie holds."""
        (value,) = self.client.cookies.values()
        return value or ""

    @property
    def is_in(self) -> bool:
        """Whether the first page is open to it."""
        answer = self.get("/")
        assert (answer.status_code, answer.headers.get("location")) in {(200, None), (303, "/login")}
        return answer.status_code == 200


def revoke(front: Stack, key: str) -> None:
    made = front.get("/v1/keys").json()["items"]
    found = next(each for each in made if key.startswith(each["prefix"]))
    front.call("DELETE", f"/v1/keys/{found['id']}").raise_for_status()
