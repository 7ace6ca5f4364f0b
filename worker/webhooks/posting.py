"""Posts a delivery to its receiver once, signed, and puts what came of it into a few words of our own."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx

from landfall.database.deliveries import Delivery
from landfall.exports.errors import DownloadRefused
from landfall.net.carrier import HEADERS
from landfall.vendors.retry_after import retry_after
from worker.webhooks.receivers import Receiver

_GOOD = range(200, 300)
_REDIRECTS = range(300, 400)
_MEANINGS = {
    int(HTTPStatus.GONE): "it wants no more of this",
    int(HTTPStatus.UNAUTHORIZED): "it may hold another secret",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: a status, or none where nobody answered; `wait` is how many seconds the receiver asks for."""

    status: int | None = None
    error: str | None = None
    wait: float | None = None


async def post(receiver: Receiver, delivery: Delivery, *, at: datetime, seconds: float) -> Answer:
    """Send it and wait so long at most; redirects are not followed, and of what is answered the body is not read."""
    if receiver.fault:
        return Answer(error=f"its address is not taken any more: {receiver.fault}")
    try:
        request = httpx.Request(
            "POST",
            receiver.url,
            headers=HEADERS | {"content-type": "application/json"} | _signed(receiver, delivery, at),
            content=delivery.payload.encode(),
            extensions={"timeout": {"connect": seconds, "read": seconds}},
        )
        async with asyncio.timeout(seconds):
            response = await receiver.carrier.handle_async_request(request)
    except DownloadRefused as refused:
        return Answer(error=f"{refused}; {receiver.private_setting} in landfall.toml allows it")
    except (httpx.TimeoutException, TimeoutError):
        return Answer(error=f"no answer came within {seconds:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # The error's own text may hold the whole address; a host that looks like Punycode and is none gives the last.
        return Answer(error=f"the receiver cannot be reached ({type(error).__name__})")
    await response.aclose()
    return _answered(response.status_code, response.headers, at)


def _signed(receiver: Receiver, delivery: Delivery, at: datetime) -> dict[str, str]:
    signatures = (signer.sign(delivery.id, at, delivery.payload) for signer in receiver.signers)
    return {
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _answered(status: int, headers: Mapping[str, str], at: datetime) -> Answer:
    if status in _GOOD:
        return Answer(status)
    meaning = "redirects are not followed" if status in _REDIRECTS else _MEANINGS.get(status, "it is not 2xx")
    return Answer(status, f"the receiver answered {status}: {meaning}", retry_after(headers.get("retry-after"), now=at))
