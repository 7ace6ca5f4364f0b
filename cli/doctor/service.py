"""Checks what runs: the API, the workers, and how accounts and exports stand in the database."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from cli.address import api_url, running_url
from cli.client import Api
from cli.credentials import find_key
from cli.doctor.finding import Finding, Installation, error, ok, warning
from cli.doctor.looking import read
from cli.failures import CommandError, UnreachableError
from cli.words import moment, span
from landfall import __version__
from landfall.database import accounts, gauges
from landfall.database.accounts import AccountSlots
from landfall.database.clock import read_clock
from landfall.database.connection import DatabaseUnavailable
from landfall.database.gauges import Gauges
from landfall.database.revision import current, objection
from landfall.settings import SettingsError

_PATIENCE_SECONDS = 3.0
_START = "start it with `landfall up`"
_STUCK_SECONDS = 60.0
_LONG_SECONDS = 86_400.0


def look_at_api(installation: Installation) -> Iterator[Finding]:
    """Whether it answers at its address, and takes the key that commands send."""
    try:
        url = api_url(None)
    except UnreachableError:
        yield warning("api", "none runs, and its port is to be any free one", _START)
        return
    try:
        api = Api(url, key=find_key(url), timeout=_PATIENCE_SECONDS)
        api.get("/healthz")
    except UnreachableError:
        if running_url(installation.settings.home) or not _is_here(url):
            yield error("api", f"none answers at {url}", "look at its log, or correct LANDFALL_URL")
        else:
            yield warning("api", f"none answers at {url}", _START)
        return
    except CommandError as problem:
        found = str(problem).rstrip(".").partition("; ")[0]
        yield error("api", found, "correct LANDFALL_URL or LANDFALL_API_KEY, or stop what else uses that port")
        return
    try:
        api.get("/v1/accounts")
    except CommandError as problem:
        if not api.is_ready():
            yield error("api", f"{url} answers, but accepts no export", "cure what else is wrong; its log says more")
            return
        cure = "set LANDFALL_API_KEY to a key of this API; `landfall keys create` makes one"
        yield error("api", f"{url} answers and refuses the key: {str(problem).partition(':')[0].rstrip('.')}", cure)
    else:
        yield ok("api", f"{url} answers and takes the key")


def look_at_work(installation: Installation) -> Iterator[Finding]:
    """Workers, accounts and exports; nothing where the database cannot be read, which is another check's finding."""

    def look(connection: Connection) -> tuple[Gauges, list[AccountSlots], datetime] | None:
        if objection(current(connection)):
            return None
        return gauges.count(connection), accounts.stand(connection, installation.accounts), read_clock(connection)

    try:
        found = read(installation.settings, look)
    except (DatabaseUnavailable, SettingsError):
        return
    if found:
        counted, standing, now = found
        yield from _workers(counted)
        for account in standing:
            yield from _account(account, now)
        for known in counted.accounts:
            waiting = sum(known.live.values())
            if waiting and known.name not in installation.accounts:
                yield _missing(known.name, waiting)
        yield from _exports(counted)


def _workers(counted: Gauges) -> Iterator[Finding]:
    alive = [worker for worker in counted.workers if worker.alive]
    waiting = sum(sum(account.live.values()) for account in counted.accounts)
    start = "start `landfall up`, or `landfall worker`"
    if alive:
        yield ok("workers", f"{len(alive)} alive, {sum(worker.running for worker in alive)} steps running")
    elif waiting:
        yield error("workers", f"none is alive, and {_exports_in_words(waiting)} wait for one", start)
    else:
        yield warning("workers", "none is alive", start)
    for worker in counted.workers:
        if worker.alive and worker.version != __version__:
            found = f"{worker.id} is of release {worker.version}, this is {__version__}"
            yield warning("workers", found, "bring them to one release")
        elif not worker.alive:
            found = f"{worker.id} has been silent for {span(worker.silent.total_seconds())}"
            yield warning("workers", found, "look at its log, if it was not stopped on purpose")


def _account(account: AccountSlots, now: datetime) -> Iterator[Finding]:
    check, throttle = f"account {account.name}", account.throttle
    found = []
    if throttle.paused_at:
        by = f" by {throttle.paused_by}" if throttle.paused_by else ""
        found.append(warning(check, f"paused{by}", f"landfall resume {account.name}"))
    if throttle.reason:
        words = f"its breaker is open: {throttle.reason.code}: {throttle.reason.message.rstrip('.')}"
        found.append(error(check, words, throttle.reason.action.rstrip(".")))
    if throttle.blocked_until and throttle.blocked_until > now:
        words = f"the vendor wants no call until {moment(throttle.blocked_until.isoformat())}"
        found.append(warning(check, words, "nothing to do: Landfall waits as long"))
    yield from found or [ok(check, f"{account.slots_used} of {throttle.slots} slots used, {account.queued} queued")]


def _missing(name: str, waiting: int) -> Finding:
    cure = f"put it back and restart the workers, or `landfall cancel --filter account={name}`"
    found = f"landfall.toml has no such account, and it has {_exports_in_words(waiting)} that did not end"
    return error(f"account {name}", found, cure)


def _exports(counted: Gauges) -> Iterator[Finding]:
    overdue = sum(account.overdue for account in counted.accounts)
    late = max((account.oldest_overdue for account in counted.accounts), default=0.0)
    oldest = max((account.oldest_queued for account in counted.accounts), default=0.0)
    if overdue and late > _STUCK_SECONDS:
        found = f"{_exports_in_words(overdue)} overdue, the first for {span(late)}"
        yield error("exports", found, "see that a worker is alive and reaches the database; its log says more")
    elif oldest > _LONG_SECONDS:
        cure = "`landfall accounts` shows the slots, `landfall explain ID` why one waits"
        yield warning("exports", f"the oldest has been queued for {span(oldest)}", cure)
    else:
        waits = f"the oldest has been queued for {span(oldest)}" if oldest else "none is queued"
        yield ok("exports", f"none is stuck, {waits}")
    if counted.webhooks_late > _STUCK_SECONDS:
        found = f"{counted.webhooks_waiting} waiting, the first for {span(counted.webhooks_late)}"
        yield warning("webhooks", found, "`landfall webhooks` shows what receivers answer")


def _exports_in_words(count: int) -> str:
    return "1 export" if count == 1 else f"{count} exports"


def _is_here(url: str) -> bool:
    return any(name in url for name in ("127.0.0.1", "localhost", "[::1]"))
