"""Follows a batch to its end."""

from typing import Any

from cli.client import Api, Reply
from cli.failures import NotStoredError
from cli.output import answer, remark
from cli.words import plain
from landfall_client.waiting import batch_finished


def follow_batch(api: Api, batch_id: str) -> Reply:
    """Show on standard error how many exports have ended, until all have, and return the batch as it then is.

    An API that is away is waited for, up to a minute. Raises UnreachableError after that. Ctrl-C says that the batch
    goes on.
    """
    try:
        return api.run(batch_finished(api.place, batch_id, None, _Lines(batch_id)))
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


class _Lines:
    """Prints a line whenever one of the exports has come further."""

    def __init__(self, batch_id: str) -> None:
        self._id = batch_id
        self._told = ""

    def __call__(self, batch: dict[str, Any]) -> None:
        now = counted(batch)
        if now != self._told:
            remark(f"{self._id} {now}")
            self._told = now
