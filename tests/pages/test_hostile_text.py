"""Promises that what vendors, files, keys and receivers write stays text on every page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from landfall.database import deliveries, keys, ledger
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery, DeliveryState
from landfall.database.keys import Scope
from landfall.database.service_tables import deliveries as deliveries_table
from landfall.database.service_tables import keys as keys_table
from landfall.database.tables import exports
from landfall.exports.job import Artifact, Fault
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from landfall.storage.disk import DiskStore
from tests.exports.jobs import make_job
from tests.pages.browsing import Visitor
from tests.pages.planting import plant
from tests.stack import Stack

# Gets out of text, an attribute in either quote, a title, a text field, a comment and a script.
HOSTILE = "'\"></title></textarea></script>--><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)"
FAULT = Fault(HOSTILE[:60], HOSTILE, f"`{HOSTILE}` {HOSTILE}")
FAILED, STORED, DELIVERY = "exp_hostile_failed", "exp_hostile_stored", f"msg_{'f' * 32}"


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def dangerous(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """The elements that run something, or load it from where no page of ours does."""

    def harms(tag: str, attributes: dict[str, str | None]) -> bool:
        leads = [attributes.get(name) or "" for name in ("href", "src", "action", "formaction", "xlink:href")]
        loads = (attributes.get("src") or "/static/") if tag in {"img", "script"} else "/static/"
        return (
            any(name.startswith("on") or name in {"style", "srcdoc"} for name in attributes)
            or any(":" in each.partition("/")[0].partition("?")[0] for each in leads)
            or not loads.startswith("/static/")
            or (tag == "script" and "src" not in attributes)
        )

    return [each for each in Elements(html).found if harms(*each)]


def stored(home: Path) -> Artifact:
    store = DiskStore(home / "files")
    draft = store.draft("hostile.csv", "1")
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    draft.write(f"id,{cell}\n\N{RIGHT-TO-LEFT OVERRIDE}1,{cell}\n".encode())
    published = draft.publish(b"{}")
    draft.close()
    return Artifact(published.uri, 1, 1, "0" * 64, ("id", HOSTILE), empty=False)


def clear(connection: Connection) -> None:
    for table in (deliveries_table, exports):
        connection.execute(delete(table))
    connection.execute(delete(keys_table).where(keys_table.c.name == HOSTILE[:100]))


@pytest.fixture(scope="module")
def _hostile(operated: Stack) -> Iterator[None]:
    """One of everything that somebody else writes, as bad as it can be."""
    artifact = stored(operated.home)

    def write(connection: Connection) -> None:
        now = read_clock(connection)
        shared: dict[str, Any] = {"labels": {"team": HOSTILE}, "request": {"start": HOSTILE, HOSTILE: [HOSTILE]}}
        failed = make_job(id=FAILED, created_at=now, request_hash="1", report_type=HOSTILE[:60], **shared)
        failed = replace(failed, state=State.FAILED, error=FAULT, finished_at=datetime.now(UTC))
        made = make_job(id=STORED, created_at=now, request_hash="2", report_type=HOSTILE[:60], **shared)
        made = replace(made, state=State.STORED, artifact=artifact, finished_at=datetime.now(UTC))
        ledger.accept(connection, [failed, made])
        ledger.note(connection, failed, Event("give up", Step.DOWNLOAD, 3, FAULT, note=HOSTILE), at=now)
        keys.create(connection, HOSTILE[:100], Scope.READ)
        told = Delivery(
            id=DELIVERY,
            webhook=None,
            type="export.stored",
            subject=f"exp_{HOSTILE}",
            account=failed.account,
            payload='{"data": "</code></pre><script>alert(1)</script>"}',
            created_at=now,
            due_at=None,
            state=DeliveryState.FAILED,
            attempts=1,
            status=500,
            error=HOSTILE,
        )
        deliveries.add(connection, [told])

    plant(operated, write)
    yield
    plant(operated, clear)


@pytest.mark.parametrize(
    ("path", "times"),
    [
        ("/", 1),
        ("/exports", 2),
        (f"/exports/{FAILED}", 5),
        (f"/exports/{STORED}", 5),
        ("/keys", 1),
        ("/webhooks", 1),
        (f"/webhooks/deliveries/{DELIVERY}", 1),
        ("/accounts", 0),
        ("/workers", 0),
        ("/batches", 0),
    ],
)
@pytest.mark.usefixtures("_hostile")
def test_what_others_write_stays_text(admin: Visitor, path: str, times: int) -> None:
    answer = admin.get(path)
    assert answer.status_code == 200
    assert dangerous(answer.text) == []
    assert answer.text.count("&lt;/title&gt;") >= times


@pytest.mark.parametrize(
    "path",
    [
        "/exports?account={}&vendor={}&label={}&label=team:{}&error={}&batch={}&since={}&until={}&state={}",
        "/exports?account={}&label=team:{}&error={}&batch={}",
        "/exports/cancel?account={}&label=team:{}",
        "/webhooks?webhook={}&subject={}",
        "/login?next=/{}",
        "/login?next={}",
        "/keys?revoked={}",
        "/exports/new?account={}",
        "/?{}={}",
        "/{}",
        "/exports/{}",
        "/batches/{}",
        "/webhooks/deliveries/{}",
        "/keys/{}/revoke",
    ],
)
def test_what_an_address_holds_stays_text(admin: Visitor, path: str) -> None:
    text = HOSTILE.replace("/", "%2f").replace("#", "%23").replace("<", "%3c").replace(">", "%3e").replace('"', "%22")
    answer = admin.get(path.replace("{}", text))
    assert answer.headers["content-type"].startswith("text/html")
    assert dangerous(answer.text) == []


def test_the_stray_markup_of_a_page_would_be_found() -> None:
    assert dangerous('<a href="/exports">ok</a><img src="/static/icon.svg"><script src="/static/a.js"></script>') == []
    for each in (
        "<img src=x>",
        '<a href="javascript:alert(1)">x</a>',
        "<script>x</script>",
        "<p onclick=x>",
        "<b style=x>",
    ):
        assert len(dangerous(each)) == 1
