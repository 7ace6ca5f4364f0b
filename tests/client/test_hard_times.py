"""Promises of the client where connections break, answers are lost and the API is killed."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfall_client import Landfall, Unreachable
from tests.client.asked import events
from tests.planted_files import plant
from tests.services.proxy import Answer, Cut, Proxy, running_proxy
from tests.stack import Stack, until

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(150_000))


@pytest.fixture
def proxy(own: Stack) -> Iterator[Proxy]:
    with running_proxy(own.port) as proxy:
        yield proxy


def restart(own: Stack) -> None:
    """Kill the API, and start another at its place."""
    api = own.processes.pop(0)
    api.send_signal(signal.SIGKILL)
    api.wait(30)
    own.start_api()
    own.processes.insert(0, own.processes.pop())


def restart_after(moment: threading.Event, own: Stack) -> None:
    """Kill the API once the moment has come, and have a worker beside the next."""
    moment.wait()
    restart(own)
    own.start("worker")


def test_an_answer_that_is_lost_makes_no_second_export(own: Stack, proxy: Proxy) -> None:
    proxy.fail("POST", "/v1/exports", Cut(0), times=2)
    with Landfall(proxy.endpoint, own.key) as client:
        export = client.submit("shop-bwp", events(), force=True, labels={"lost": "1"})
        assert list(client.exports(labels={"lost": "1"})) == [export]
    assert proxy.seen.count("POST /v1/exports") == 3


def test_a_retry_whose_answer_is_lost_is_not_sent_again(own: Stack, proxy: Proxy) -> None:
    with Landfall(proxy.endpoint, own.key) as client:
        export = client.submit("shop-bwp", events()).cancel()
        proxy.fail("POST", "/retry", Cut(0), times=1)
        with pytest.raises(Unreachable, match="broke; try again"):
            export.retry()
        assert export.refresh().state != "cancelled"
    assert sum("/retry" in line for line in proxy.seen) == 1


def test_a_busy_api_is_asked_again_when_it_says(own: Stack, proxy: Proxy) -> None:
    proxy.fail("GET", "/v1/accounts", Answer(503, headers="Retry-After: 0\r\n"), times=1)
    proxy.fail("GET", "/v1/accounts", Answer(429, headers="Retry-After: 0\r\n"), times=1)
    with Landfall(proxy.endpoint, own.key) as client:
        assert len(client.accounts()) == 2
    assert proxy.seen.count("GET /v1/accounts") == 3


def test_a_request_whose_first_try_is_still_being_answered_is_sent_again(own: Stack, proxy: Proxy) -> None:
    proxy.fail("POST", "/v1/exports", Answer(409, headers="Retry-After: 0\r\n"), times=1)
    with Landfall(proxy.endpoint, own.key) as client:
        assert client.submit("shop-bwp", events()).id
    assert proxy.seen == ["POST /v1/exports"] * 2


def test_an_answer_of_what_stands_before_an_api_that_is_away_is_no_wrong_address(own: Stack, proxy: Proxy) -> None:
    proxy.fail("GET", "/v1/accounts", Answer(502))
    told = r"no Landfall answers behind .* \(HTTP 502\)"
    with Landfall(proxy.endpoint, own.key, patience=0.2) as client, pytest.raises(Unreachable, match=told):
        client.accounts()
    assert len(proxy.seen) > 1


def test_a_wait_survives_an_api_that_is_killed(own: Stack) -> None:
    with Landfall(own.url, own.key) as client:
        export = client.submit("shop-bwp", events())
        looked = threading.Event()
        killing = threading.Thread(target=restart_after, args=(looked, own))
        killing.start()
        stored = export.wait(timeout=120, seen=lambda _: looked.set())
        killing.join()
    assert stored.state == "stored"
    own.stop(but=1)


def test_a_save_survives_an_api_that_is_killed_in_the_middle(own: Stack, proxy: Proxy, tmp_path: Path) -> None:
    export_id = plant(own.home, "exp_big", CONTENT).id
    proxy.fail("GET", "/file", Cut(1_000_000), times=1)
    fell = threading.Event()

    def progress(held: int, total: int) -> None:
        assert total == len(CONTENT)
        if held >= 900_000:
            fell.set()

    with Landfall(proxy.endpoint, own.key, patience=60) as client:
        killing = threading.Thread(target=restart_after, args=(fell, own))
        killing.start()
        path = client.export(export_id).save(tmp_path / "big.csv", progress=progress)
        killing.join()
    own.stop(but=1)
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_rows_go_on_where_the_connection_broke(own: Stack, proxy: Proxy) -> None:
    export_id = plant(own.home, "exp_rows", CONTENT).id
    proxy.fail("GET", "/file", Cut(500_000), times=1)
    with Landfall(proxy.endpoint, own.key) as client:
        rows = list(client.export(export_id).rows())
    assert rows == [{"a": str(n), "b": str(n * n)} for n in range(150_000)]
    assert sum("/file" in line for line in proxy.seen) == 2


def test_events_go_on_where_they_were_after_the_api_was_killed(own: Stack) -> None:
    with Landfall(own.url, own.key) as client:
        export = client.submit("shop-bwp", events())
        told = export.events()
        heard = [next(told)]
        restart(own)
        own.start("worker")
        heard += told
    assert heard[-1].state == "stored"
    numbers = [event.id for event in heard]
    assert numbers == sorted(set(numbers))
    own.stop(but=1)


def test_a_part_of_an_earlier_process_is_gone_on_with(own: Stack, proxy: Proxy, tmp_path: Path) -> None:
    export_id = plant(own.home, "exp_part", CONTENT).id
    proxy.fail("GET", "/file", Cut(2_000_000), times=1)
    with Landfall(proxy.endpoint, own.key, patience=0) as client:
        proxy.fail("GET", "/file", Answer(503))
        with pytest.raises(Unreachable):
            client.export(export_id).save(tmp_path / "part.csv")
        (part,) = tmp_path.iterdir()
        until(lambda: part.stat().st_size > 1_000_000, "something came")
        proxy.heal()
        assert client.export(export_id).save(tmp_path / "part.csv").read_bytes() == CONTENT
