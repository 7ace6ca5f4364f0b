"""Tells what becomes of an export that ended long ago."""

from tests.planted_files import CONTENT, plant
from tests.stack import Stack, until


def test_an_old_export_leaves_the_lists_and_is_still_found_with_its_timeline_and_file(stack: Stack) -> None:
    old, young = plant(stack.home, "exp_old", days_ago=3), plant(stack.home, "exp_young", days_ago=0.5)
    before, told = stack.show(old.id), stack.events(old.id)
    stack.start("worker", LANDFALL_HISTORY_DAYS="1")

    def listed() -> set[str]:
        return {
            export["id"]
            for export in stack.get("/v1/exports", params={"account": old.account, "limit": 200}).json()["items"]
        }

    until(lambda: old.id not in listed(), "a list without the old export")
    assert young.id in listed()
    assert stack.show(old.id) == before
    assert stack.events(old.id) == told
    assert stack.get(f"/v1/exports/{old.id}/file").content == CONTENT
    assert stack.get("/v1/exports/exp_none").status_code == 404
