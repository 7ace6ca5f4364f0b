"""Promises of adoption: only the whole file of the export's present report spares the next attempt its download."""

from datetime import UTC, datetime
from typing import Any

import pytest

from landfall.exports.job import ExportJob
from landfall.storage.adoption import find_published
from landfall.storage.content import content_of
from landfall.storage.manifest import manifest
from landfall.storage.measure import Measure
from landfall.storage.store import Store
from tests.exports.jobs import make_job
from tests.storage.conftest import Place

KEY = "a/exp_1.csv"
CONTENT = b"id,x\n1,a\n2,b\n"
JOB = make_job(report_id="r-1")


def publish(store: Store, job: ExportJob = JOB) -> None:
    measure = Measure()
    measure.update(CONTENT)
    draft = store.draft(KEY, "1")
    draft.write(CONTENT)
    draft.publish(manifest(job, content_of(measure), published_at=datetime.now(UTC)))
    draft.close()


def test_a_file_is_adopted_with_all_that_its_manifest_tells(place: Place) -> None:
    assert find_published(place.store, KEY, JOB) is None
    publish(place.store)
    found = find_published(place.store, KEY, JOB)
    assert found
    assert (found.uri, found.bytes, found.rows, found.columns, found.empty) == (
        place.store.uri(KEY),
        len(CONTENT),
        2,
        ("id", "x"),
        False,
    )
    measure = Measure()
    measure.update(CONTENT)
    assert (found.sha256, found.header_hash) == (measure.sha256, measure.header_hash)


@pytest.mark.parametrize("changes", [{"id": "exp_2"}, {"generation": 2}, {"report_id": "r-2"}], ids=str)
def test_the_file_of_another_report_is_not_adopted(folder: Place, changes: dict[str, Any]) -> None:
    publish(folder.store, make_job(**{"report_id": "r-1", **changes}))
    assert find_published(folder.store, KEY, JOB) is None


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT.replace(b"a", b"z")], ids=["shorter", "other bytes"])
def test_a_file_that_is_no_longer_as_its_manifest_tells_is_not_adopted(folder: Place, content: bytes) -> None:
    publish(folder.store)
    path = folder.store.local_path(folder.store.uri(KEY))
    assert path
    path.write_bytes(content)
    assert find_published(folder.store, KEY, JOB) is None


def test_a_file_without_its_manifest_is_not_adopted_nor_a_manifest_without_its_file(folder: Place) -> None:
    publish(folder.store)
    path = folder.store.local_path(folder.store.uri(KEY))
    assert path
    told = path.with_name(path.name + ".manifest.json")
    text = told.read_bytes()
    told.unlink()
    assert find_published(folder.store, KEY, JOB) is None
    told.write_bytes(text)
    path.unlink()
    assert find_published(folder.store, KEY, JOB) is None
