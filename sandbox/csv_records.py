"""Makes the records of each report type, awkward on purpose: commas, quotes, line breaks, non-ASCII text."""

import csv
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from random import Random

Columns = Mapping[str, Callable[[Random, int], str]]

_TEXTS = (
    "plain",
    "",
    "two words",
    "commas, and more, commas",
    'a "quoted" word',
    "first line\nsecond line",
    "Größe L, „Straße“",
    "naïve café",
    "東京都、渋谷区",
    "🎁 gift\nwith a note",
    "00123",
    "Привет, мир",
)
_PRODUCTS = ("Linen shirt", 'Desk lamp 12"', "Teekanne, groß", "抹茶セット", "Mug, blue", "Notebook\nA5")
_COUNTRIES = ("US", "GB", "DE", "JP", "BR")
_DEVICES = ("mobile", "desktop", "tablet")
_EVENTS = ("PAGE_VIEW", "CLICK", "ADD_TO_CART", "CHECKOUT_START", "CHECKOUT_COMPLETE")


def _one_of(texts: tuple[str, ...]) -> Callable[[Random, int], str]:
    return lambda rng, _: texts[int(rng.random() * len(texts))]


def _money(most: int) -> Callable[[Random, int], str]:
    return lambda rng, _: f"{rng.random() * most:.2f}"


def _id(prefix: str, first: int = 0) -> Callable[[Random, int], str]:
    return lambda _, number: f"{prefix}{first + number:08d}"


def _visitor(rng: Random, _: int) -> str:
    return f"{rng.getrandbits(64):016x}"


def _moment(rng: Random, _: int) -> str:
    spot = int(rng.random() * 28 * 86_400)
    return f"2026-10-{spot // 86_400 + 1:02d}T{spot // 3600 % 24:02d}:{spot // 60 % 60:02d}:{spot % 60:02d}Z"


_ORDER: Columns = {
    "order_id": _id("51", 0),
    "order_name": _id("#"),
    "created_at": _moment,
    "variation_id": _one_of(("a-control", "b-price-up", "c-free-shipping")),
    "variation_name": _one_of(("Control", "Price +5 %", "Free shipping, 40+")),
    "visitor_id": _visitor,
    "device_type": _one_of(_DEVICES),
    "country_code": _one_of(_COUNTRIES),
    "currency": _one_of(("USD", "EUR", "GBP")),
}
_TABLES: Mapping[str, Columns] = {
    "orders": {
        **_ORDER,
        "gross_revenue": _money(400),
        "discount": _money(40),
        "shipping_revenue": _money(12),
        "net_revenue": _money(360),
        "customer_note": _one_of(_TEXTS),
    },
    "order_line_items": {
        **_ORDER,
        "line_item_id": _id("73", 0),
        "product_id": _id("0"),
        "product_title": _one_of(_PRODUCTS),
        "quantity": _one_of(("1", "2", "3")),
        "unit_price": _money(90),
        "line_discount": _money(9),
        "properties": _one_of(_TEXTS),
    },
    "order_reconciliation": {
        **_ORDER,
        "shop_total": _money(400),
        "analytics_total": _money(400),
        "difference": _money(2),
        "reason": _one_of(_TEXTS),
    },
    "USER_EVENTS": {
        "event_id": _visitor,
        "event_time": _moment,
        "event_type": _one_of(_EVENTS),
        "session_id": _visitor,
        "shopper_id": _id("0"),
        "device_type": _one_of(_DEVICES),
        "country_code": _one_of(_COUNTRIES),
        "sku": _id("SKU-"),
        "product_title": _one_of(_PRODUCTS),
        "order_total": _money(300),
        "page_title": _one_of(_TEXTS),
    },
}


def _encoded(rows: Iterator[list[str]], newline: str) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=newline)
    for row in rows:
        writer.writerow(row)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def header(report_type: str, newline: str) -> bytes:
    """Return the header line of ``report_type``, its line end included."""
    return next(_encoded(iter([list(_TABLES[report_type])]), newline))


def records(report_type: str, newline: str, rng: Random) -> Iterator[bytes]:
    """Yield the records of ``report_type`` without end, each with its line end."""
    makers = tuple(_TABLES[report_type].values())
    first = int(rng.random() * 1_000_000)
    rows = ([make(rng, number) for make in makers] for number in itertools.count(first))
    yield from _encoded(rows, newline)
