"""Names what keeps an account from starting reports, the most stubborn first."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from landfall.exports.circumstances import Detail, Line, moment
from landfall.exports.throttle import Throttle

_SHOWN = 10


def hindrances(account: str, line: Line, now: datetime) -> Iterator[Detail]:
    """What holds the account back as it stands now."""
    throttle = line.throttle
    if throttle.paused_at:
        by = f" by key {throttle.paused_by}" if throttle.paused_by else ""
        text = (
            f"Account {account} has been paused since {moment(throttle.paused_at)}{by}: nothing is started until somebody "
            f"resumes it (`landfall resume {account}`)."
        )
        yield Detail("account_paused", text, {"since": throttle.paused_at, "by": throttle.paused_by})
    yield from _breaker(account, throttle, now)
    if throttle.blocked_until and throttle.blocked_until > now:
        text = f"The vendor asked for a pause (Retry-After, or throttling): account {account} is blocked until {moment(throttle.blocked_until)}."
        yield Detail("account_blocked", text, {"until": throttle.blocked_until})
    if line.used >= throttle.slots:
        yield _slots(line)
    if throttle.slots < throttle.max_started:
        text = f"The vendor throttles below its limit: Landfall uses {throttle.slots} of {throttle.max_started} slots for now."
        yield Detail("slots_lowered", text, {"limit": throttle.slots, "max_started": throttle.max_started})
    if next_token := _next_token(throttle, now):
        text = f"The account's rate of starts is used up; the next is due at {moment(next_token)}."
        yield Detail("rate_bucket_empty", text, {"next_at": next_token})


def held_until(throttle: Throttle, now: datetime) -> datetime | None:
    """The earliest moment at which anything may be started, None where that is now."""
    gates = [gate for gate in (throttle.closed_until(now), _next_token(throttle, now)) if gate]
    return max(gates, default=None)


def _breaker(account: str, throttle: Throttle, now: datetime) -> Iterator[Detail]:
    reason = throttle.reason
    if reason is None:
        return
    data = {"error": {"code": reason.code, "message": reason.message, "action": reason.action}}
    begun = f"Calls for account {account} are held back: {reason.code}: {reason.message.rstrip('.')}."
    if throttle.probing:
        yield Detail("breaker_half_open", f"{begun} One call tries whether that is over. {reason.action}", data)
    elif throttle.open_until and throttle.open_until > now:
        text = f"{begun} The next try is at {moment(throttle.open_until)}. {reason.action}"
        yield Detail("breaker_open", text, data | {"until": throttle.open_until})
    else:
        yield Detail("breaker_open", f"{begun} The next call tries whether that is over. {reason.action}", data)


def _slots(line: Line) -> Detail:
    limit = line.throttle.slots
    shown = [holder.id for holder in line.holders[:_SHOWN]]
    others = line.used - len(shown)
    who = [
        *shown,
        *([f"{others} more" if shown else f"{others} reports that no export waits for"] if others > 0 else []),
    ]
    text = f"Waits for a slot: {line.used} of {limit} held by {', '.join(who)}."
    holders = [{"id": each.id, "state": each.state, "since": each.since} for each in line.holders]
    return Detail("waits_for_slot", text, {"used": line.used, "limit": limit, "holders": holders})


def _next_token(throttle: Throttle, now: datetime) -> datetime | None:
    """When the bucket holds a whole start again, None where it does or there is none."""
    if throttle.burst is None or throttle.tokens_at is None:
        return None
    since = (now - throttle.tokens_at).total_seconds()
    tokens = min(throttle.burst, throttle.tokens + since * throttle.refill)
    if math.floor(tokens) >= 1:
        return None
    return now + timedelta(seconds=(1 - tokens) / throttle.refill) if throttle.refill > 0 else None
