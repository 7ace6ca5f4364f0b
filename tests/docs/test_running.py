"""Promises that what a page of the documentation shows does what it says, from its first block to its last."""

from pathlib import Path

import pytest

from tests.docs.house import run_house
from tests.docs.pages import README, ROOT, Block, Page, pages

RUN = {"sh", "python"}
_PAGES = [page for page in pages() if page.path != README]
_LEFT = [block for page in pages() for block in page.blocks if block.not_run is not None]


def runnable(page: Page) -> list[Block]:
    return [block for block in page.blocks if block.language in RUN and block.not_run is None]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in _PAGES if runnable(page)], ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Page, tmp_path: Path) -> None:
    with run_house(tmp_path / "page", page.blocks) as house:
        for block in runnable(page):
            house.run(block)


@pytest.mark.slow
@pytest.mark.parametrize("block", _LEFT, ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    """The list of skips is what a reader has to take on trust; its commands are parsed all the same."""
    assert (ROOT / block.page).exists()
    assert block.not_run
    pytest.skip(f"{block.language} that is not run: {block.not_run}")
