"""Promises of a landing whose part lives in an object store, where a part that was let go of is gone."""

import pytest

from landfall.exports.errors import StorageUnavailable
from tests.asynchronous import run
from tests.exports.jobs import make_job
from tests.storage.conftest import Place
from worker.landing import Landing

JOB = make_job(report_id="r")


@pytest.mark.parametrize("size", [100, 9 << 20])
def test_a_part_that_was_let_go_of_is_not_published(bucket: Place, size: int) -> None:
    """A task that is cancelled closes the part; its thread may come to the publishing only then."""

    async def scenario() -> None:
        landing = await Landing.open(bucket.store, "a/exp_1.csv", JOB, reserve=0)
        await landing.begin(None, ())
        await landing.keep(b"id\n" + b"1\n" * (size // 2))
        await landing.close()
        with pytest.raises(StorageUnavailable, match="let go"):
            await landing.publish(JOB)

    run(scenario())
    assert bucket.visible() == []
