"""Prints the id that stands for ID in a command of the documentation: `python an_id.py URL show|failed|queued|batch|key|delivery`.

`show`: the newest export, once it has ended. `failed`: one that has failed. `queued`: one that waits for a slot, of an
account that is paused. The others: the newest of their kind. What is not there is made.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

_SANDBOX_ERROR = {
    "fault": "graphql_error",
    "operation": "start",
    "body": "ValidationException",
    "vendor": "buy_with_prime",
}
_ENDED = {"stored", "failed", "cancelled"}
_WAITING = "shop-waiting"


def main(url: str, thing: str) -> str:
    ask = _Api(url)
    makers: dict[str, Callable[[_Api], str]] = {
        "show": _newest,
        "failed": _failed,
        "queued": _queued,
        "batch": _batch,
        "key": _key,
        "delivery": _delivery,
    }
    return makers[thing](ask)


class _Api:
    def __init__(self, url: str) -> None:
        self._url = url
        self._key = Path(".landfall/api-key").read_text(encoding="utf-8").strip()

    def __call__(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"authorization": f"Bearer {self._key}"}
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, self._url + path, headers=headers, json=body, timeout=60)
        return answer.raise_for_status().json()


def _newest(ask: _Api) -> str:
    found = [each["id"] for each in ask("/v1/exports?limit=20")["items"] if each["account"] != _WAITING]
    return _ended(ask, found[0] if found else _submit(ask))


def _failed(ask: _Api) -> str:
    found = ask("/v1/exports?state=failed&limit=1")["items"]
    if found:
        return str(found[0]["id"])
    httpx.post(f"{_sandbox()}/_sandbox/faults", json=_SANDBOX_ERROR, timeout=60).raise_for_status()
    return _ended(ask, _submit(ask))


def _queued(ask: _Api) -> str:
    ask(f"/v1/accounts/{_WAITING}/pause", {})
    return _submit(ask, _WAITING)


def _batch(ask: _Api) -> str:
    found = ask("/v1/batches?limit=1")["items"]
    if found:
        return str(found[0]["id"])
    request = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}
    window = {"from": "2025-01-01", "to": "2025-01-03", "window": "P1D"}
    return str(ask("/v1/batches", {"export": request, **window})["id"])


def _key(ask: _Api) -> str:
    return str(ask("/v1/keys", {"name": "to-be-revoked"})["id"])


def _delivery(ask: _Api) -> str:
    found = ask("/v1/webhooks/deliveries?limit=1")["items"]
    return str(found[0]["id"] if found else ask("/v1/webhooks/callback/test", {})["id"])


def _submit(ask: _Api, account: str = "shop-bwp") -> str:
    request = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-02-01"}
    return str(ask("/v1/exports", {"account": account, "request": request, "force": True})["id"])


def _ended(ask: _Api, export: str) -> str:
    for _ in range(600):
        if ask(f"/v1/exports/{export}")["state"] in _ENDED:
            return export
        time.sleep(0.1)
    raise SystemExit(f"{export} does not end")


def _sandbox() -> str:
    base = next(line for line in Path("landfall.toml").read_text(encoding="utf-8").splitlines() if "base_url" in line)
    return "/".join(base.split('"')[1].split("/")[:3])


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
