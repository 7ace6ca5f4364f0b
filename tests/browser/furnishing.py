"""Furnishes a house with something for every page to show, and lists the pages."""

from dataclasses import dataclass
from typing import Any

from tests.browser.house import FULL, House
from tests.stack import until

# What nobody may take for markup.
PLANTED = '<img src=x onerror="alert(1)"><b>bold</b> &amp;'


@dataclass(frozen=True)
class Furnished:
    """Exports in several states, by the ids; a batch, and a webhook's delivery."""

    stored: str
    failed: str
    cancelled: str
    waiting: str
    batch: str
    delivery: str

    @property
    def pages(self) -> dict[str, str]:
        """Every page that somebody who is logged in can see, by a name of ours."""
        return {
            "overview": "/",
            "overview of a week": "/?range=7d",
            "exports": "/exports",
            "exports, filtered": "/exports?state=stored&state=failed&label=see:every",
            "exports, none": "/exports?label=see:none",
            "exports, a wrong filter": "/exports?since=yesteryear",
            "stored export": f"/exports/{self.stored}",
            "failed export": f"/exports/{self.failed}",
            "cancelled export": f"/exports/{self.cancelled}",
            "waiting export": f"/exports/{self.waiting}",
            "new export, which account": "/exports/new",
            "new export": "/exports/new?account=shop-bwp",
            "new export, filters": "/exports/new?account=shop-ab",
            "cancel all": "/exports/cancel",
            "retry some": "/exports/retry?state=failed",
            "batches": "/batches",
            "batch": f"/batches/{self.batch}",
            "accounts": "/accounts",
            "webhooks": "/webhooks",
            "delivery": f"/webhooks/deliveries/{self.delivery}",
            "workers": "/workers",
            "keys": "/keys",
        }


def furnish(house: House) -> Furnished:
    """Have something of every kind made, and wait until it stands."""
    labels = {"see": "every", "planted": PLANTED, "long": "x" * 60}
    stored = house.submit("shop-ab", number=1, labels=labels)
    house.wait_for(stored, "stored")
    house.fault("report_failed", "shop-bwp", count=3)
    failed = house.submit(number=2, labels=labels)
    house.wait_for(failed, "failed")
    request = {"report_type": "USER_EVENTS", "start": "2026-01-01"}
    ends: list[dict[str, Any]] = [{**request, "end": f"2026-01-0{day}"} for day in (2, 3, 4)]
    exports = [{"account": "shop-bwp", "request": each, "labels": labels} for each in ends]
    batch = house.post("/v1/batches", json={"exports": exports, "labels": labels}).raise_for_status().json()["id"]
    until(lambda: house.get(f"/v1/batches/{batch}").json()["finished_at"], "a batch that is finished")
    house.fault("never_finishes", FULL, count=6)
    waiting = [house.submit(FULL, number=10 + each, labels=labels) for each in range(7)]
    house.post(f"/v1/exports/{waiting[0]}/cancel").raise_for_status()
    delivery = house.post("/v1/webhooks/ops/test").raise_for_status().json()["id"]
    return Furnished(stored, failed, waiting[0], waiting[-1], str(batch), str(delivery))
