"""Names every fault that can be asked for and says where it strikes."""

from dataclasses import dataclass

from sandbox.odd_bodies import ODD_BODIES
from sandbox.odd_replies import ODD_REPLIES

VENDORS = ("intelligems", "buy_with_prime")
OPERATIONS = ("start", "poll", "link", "token", "download")
_API = OPERATIONS[:-1]
_BUY_WITH_PRIME = VENDORS[1:]
# What the vendor's page names, and one that it does not.
_ERROR_TYPES = (
    *(
        f"{kind}Exception"
        for kind in ("AccessDenied", "InternalServer", "ResourceNotFound", "Throttling", "Validation")
    ),
    "OddException",
)


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a fault does, at which requests it can strike, the field that it needs, what `body` may name."""

    does: str
    operations: tuple[str, ...]
    vendors: tuple[str, ...] = VENDORS
    of_a_report: bool = False
    needs: str = ""
    bodies: tuple[str, ...] = ()


FAULT_KINDS = {
    "null_url": FaultKind("Intelligems answers at once with url null; the build goes on", ("start",), VENDORS[:1]),
    "throttle": FaultKind("the start gets a ThrottlingException", ("start",), _BUY_WITH_PRIME),
    "report_failed": FaultKind(
        "the report ends FAILED (a report that is named: at once)", ("start",), of_a_report=True
    ),
    "never_finishes": FaultKind("the report stays STARTED for ever", ("start",), of_a_report=True),
    "body_size": FaultKind("the report's CSV has `bytes` bytes", ("start",), of_a_report=True, needs="bytes"),
    "running": FaultKind("a poll says RUNNING where it would say STARTED", ("poll",), _BUY_WITH_PRIME),
    "unknown_status": FaultKind("a poll says ARCHIVING, which no page names", ("poll",), _BUY_WITH_PRIME),
    "goes_back": FaultKind("a finished report is STARTED again for `seconds` (1)", _API[1:3], _BUY_WITH_PRIME),
    "graphql_error": FaultKind(
        "200 with an error of the errorType that `body` names",
        _API[:3],
        _BUY_WITH_PRIME,
        needs="body",
        bodies=_ERROR_TYPES,
    ),
    "strange_link": FaultKind("the link leads to `location`", ("link",), _BUY_WITH_PRIME, needs="location"),
    "internal_error": FaultKind("InternalServerError, with HTTP 200", ("start", "poll", "link"), _BUY_WITH_PRIME),
    "token_error": FaultKind("the token endpoint fails with `status` (503)", ("token",), _BUY_WITH_PRIME),
    "rate_limited": FaultKind("429 with Retry-After and retryAfter of `seconds` (1)", OPERATIONS),
    "server_error": FaultKind("`status` (500), and nothing takes effect", OPERATIONS),
    "lost_answer": FaultKind("it takes effect, then the connection closes without an answer", OPERATIONS),
    "slow_answer": FaultKind("it takes effect, the answer comes `seconds` (1) later", OPERATIONS),
    "garbage_answer": FaultKind("it takes effect, the answer is 200 with broken JSON", OPERATIONS),
    "odd_answer": FaultKind(
        "it takes effect, the answer is what `body` names", _API, needs="body", bodies=tuple(ODD_REPLIES)
    ),
    "unauthorized": FaultKind("401; Buy with Prime also forgets the access token", OPERATIONS),
    "forbidden": FaultKind("403", OPERATIONS),
    "report_gone": FaultKind("the report's life ends: ResourceNotFound, or NoSuchKey", ("poll", "link", "download")),
    "download_dropped": FaultKind("reset after `after_bytes` (half) of the body", ("download",)),
    "download_truncated": FaultKind("close after `after_bytes` (half) of the body", ("download",)),
    "link_expired": FaultKind("403 as for a link past its life", ("download",)),
    "html_page": FaultKind("200 with an HTML page", ("download",)),
    "empty_body": FaultKind("200 with no byte", ("download",)),
    "header_only": FaultKind("200 with the header line alone", ("download",)),
    "redirected": FaultKind("302 to `location`", ("download",), needs="location"),
    "odd_body": FaultKind(
        "the body that `body` names, byte by byte", ("download",), needs="body", bodies=tuple(ODD_BODIES)
    ),
    "chunked_body": FaultKind("the body comes in chunks, its length is not told", ("download",)),
    "slow_body": FaultKind("10 bytes every `seconds` (1) from `after_bytes` (0) on", ("download",)),
}
