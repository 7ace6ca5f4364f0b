"""Rows 10 and 11: workers that are told to stop while they work, once or again and again."""

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.stack import until

DEPLOYS = 6


@pytest.mark.parametrize(("grace", "ends_itself"), [("20", True), ("0.2", False)], ids=["ends", "hands back"])
@pytest.mark.faults(10, "SIGTERM during a download")
def test_a_download_under_way_ends_in_time_or_is_handed_back_for_free(row: Row, grace: str, ends_itself: bool) -> None:  # noqa: FBT001 - a parameter of the test
    row.stack.sandbox.fault("slow_body", seconds=0.2 if ends_itself else 600, after_bytes=49_900)
    (worker,) = row.start_workers(1, LANDFALL_GRACE_SECONDS=grace)
    (id_,) = row.submit()
    until(lambda: row.stack.sandbox.stats()["downloads"], "a download under way")
    assert row.terminate(worker) == 0
    assert (row.stack.show(id_)["state"] == "stored") is ends_itself
    row.start_worker()
    assert_kept(row)
    downloads = [event["attempt"] for event in row.stack.events(id_) if event["kind"] == "download"]
    assert downloads == [1]
    row.note(grace=grace, attempt=downloads[0])


@pytest.mark.faults(11, f"{DEPLOYS} deploys in a row", sandbox=["--build-mean", "2"])
def test_exports_outlast_deploys(row: Row) -> None:
    (worker,) = row.start_workers(1)
    row.submit(12)
    for _ in range(DEPLOYS):
        row.submit(account="shop-ab")
        (following,) = row.start_workers(1)
        assert row.terminate(worker) == 0
        worker = following
    row.note(deploys=row.injected["SIGTERM"], exports=len(row.accepted))
    assert_kept(row, injected=DEPLOYS)
