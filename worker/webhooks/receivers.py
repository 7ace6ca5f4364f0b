"""Knows where each delivery goes, by which secrets it is signed, and by which carrier it travels."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from standardwebhooks import Webhook as Signer

from landfall.database.deliveries import Delivery, Due
from landfall.net.carrier import Carrier
from landfall.webhooks import CALLBACK, Webhooks


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send. `private_setting` is what allows addresses that are not public, `fault` what forbids this one."""

    url: str
    signers: Sequence[Signer]
    carrier: Carrier
    private_setting: str
    fault: str | None = None


class Receivers:
    """The webhooks of the settings with their secrets, and whoever is behind a callback_url."""

    def __init__(self, webhooks: Webhooks, carrier: Carrier, public_carrier: Carrier) -> None:
        """Read the secrets. Raises SettingsError where one is missing or no secret of a webhook."""
        self._webhooks = webhooks
        self._carriers = {True: carrier, False: public_carrier}
        self._named = {
            name: Receiver(
                hook.url,
                self._signers(name),
                self._carriers[hook.allow_private_hosts],
                f"webhooks.{name}.allow_private_hosts",
            )
            for name, hook in webhooks.named.items()
        }
        self.names = frozenset(self._named)
        self.takes_callbacks = webhooks.callback_secret is not None
        self._callback_signers = self._signers(CALLBACK) if self.takes_callbacks else []

    def of(self, delivery: Delivery) -> Receiver:
        """Where this delivery goes, which was claimed for one of `names` or as a callback."""
        if delivery.webhook is not None:
            return self._named[delivery.webhook]
        url, allowed = delivery.url or "", self._webhooks.callback_allow_private_hosts
        return Receiver(
            url,
            self._callback_signers,
            self._carriers[allowed],
            "callback_allow_private_hosts",
            self._webhooks.fault_in_callback(url),
        )

    def _signers(self, name: str) -> list[Signer]:
        return [Signer(secret.get_secret_value()) for secret in self._webhooks.signing_secrets(name)]


def lane(delivery: Due | Delivery) -> str:
    """Who is kept waiting by a slow receiver: the webhook's deliveries, or the callbacks at the same host."""
    if delivery.webhook is not None:
        return delivery.webhook
    parts = urlsplit(delivery.url or "")
    return f"{parts.scheme}://{parts.netloc}"
