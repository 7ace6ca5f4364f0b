"""Follows a batch to its end."""

import time
from typing import Any
from urllib.parse import quote

from cli.client import Api, Reply
from cli.failures import NotStoredError, UnreachableError
from cli.output import answer, remark
from cli.words import plain

_QUICKEST, _SLOWEST = 0.2, 3.0
_PATIENCE_SECONDS = 60.0


def follow_batch(api: Api, batch_id: str) -> Reply:
    """Show on standard error how many exports have ended, until all have, and return the batch as it then is.

    An API that is away is waited for, up to a minute. Raises UnreachableError after that. Ctrl-C says that the batch
    goes on.
    """
    try:
        return _until_finished(api, batch_id)
    except KeyboardInterrupt:
        remark(
            f"\nThe batch goes on without you; `landfall batches wait {batch_id}` waits again, `landfall batches show {batch_id}` looks."
        )
        raise


def tell_end_of_batch(batch: dict[str, Any], *, quiet: bool) -> None:
    """Print how the exports ended. Raises NotStoredError, with the first failure, where one is not stored."""
    if batch["exports"]["by_state"].get("stored", 0) < batch["exports"]["total"]:
        first = batch["failures"][0] if batch["failures"] else None
        why = f"; {first['export']}: {first['code']}: {first['message']}" if first else ""
        raise NotStoredError(plain(f"batch {batch['id']}: {counted(batch)}{why}"))
    if not quiet:
        answer(f"batch {batch['id']}: {counted(batch)}")


def counted(batch: dict[str, Any]) -> str:
    """A batch's exports by their states, in words."""
    states = batch["exports"]["by_state"]
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _until_finished(api: Api, batch_id: str) -> Reply:
    path = f"/v1/batches/{quote(batch_id, safe='')}"
    told, pause, away_until = "", _QUICKEST, 0.0
    while True:
        try:
            reply = api.get(path)
            away_until = 0.0
        except UnreachableError:
            away_until = away_until or time.monotonic() + _PATIENCE_SECONDS
            if time.monotonic() > away_until:
                raise
        else:
            now = counted(reply.body)
            if now != told:
                remark(f"{batch_id} {now}")
                told, pause = now, _QUICKEST
            if reply.body["finished_at"]:
                return reply
        time.sleep(pause)
        pause = min(_SLOWEST, pause * 1.2)
