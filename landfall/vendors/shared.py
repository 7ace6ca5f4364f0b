"""Names what the clients of a process share."""

from dataclasses import dataclass, field

from landfall.net.carrier import Carrier
from landfall.vendors.cache import Cache


@dataclass(frozen=True, slots=True)
class Shared:
    """The connections of this process, and the cache in which all workers find access tokens.

    `token_rest` is how many seconds nobody asks for a token after a request for one has failed. Made without arguments
    it is shared with nobody else; then a client closes what it opened.
    """

    carrier: Carrier | None = None
    cache: Cache = field(default_factory=Cache)
    token_rest: float = 5.0
