"""Promises of the links that wait in memory."""

from datetime import UTC, datetime, timedelta

from landfall.vendors.intelligems.kept_links import KeptLinks
from landfall.vendors.vendor import Link
from tests.vendors.accounts import intelligems_job


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def link(self, seconds: float) -> Link:
        return Link("https://bucket/file?signature=planted", self.now + timedelta(seconds=seconds))


def test_a_link_is_handed_out_once() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(900))
    assert links.take(intelligems_job())
    assert links.take(intelligems_job()) is None


def test_a_link_goes_to_its_own_export_and_generation_only() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(900))
    assert links.take(intelligems_job(id="exp_2")) is None
    assert links.take(intelligems_job(generation=2)) is None


def test_a_link_is_stale_after_a_minute() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(900))
    clock.now += timedelta(seconds=60)
    assert links.take(intelligems_job()) is None


def test_a_link_is_stale_after_half_its_life() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(40))
    clock.now += timedelta(seconds=20)
    assert links.take(intelligems_job()) is None


def test_a_clock_that_went_back_makes_a_link_stale() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(900))
    clock.now -= timedelta(seconds=1)
    assert links.take(intelligems_job()) is None


def test_links_that_nobody_fetches_do_not_pile_up() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    for number in range(500):
        links.keep(intelligems_job(id=f"exp_{number}"), clock.link(900))
        clock.now += timedelta(seconds=10)
    assert len(links._kept) <= 7


def test_no_repr_shows_a_signature() -> None:
    clock = Clock()
    links = KeptLinks(clock)
    links.keep(intelligems_job(), clock.link(900))
    assert "planted" not in f"{links!r} {vars(links)!r}"
