"""Holds the architecture page to the import contracts, and to the files that it names."""

import re
from pathlib import Path

import pytest

from tools.architecture import PAGE, PICTURE, contracts, page, picture, stacks

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_picture_is_the_one_that_the_contracts_give() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(contracts()), "run `python -m tools.architecture`"


def test_the_page_lists_the_contracts_that_there_are() -> None:
    assert page(contracts(), TEXT) == TEXT, "run `python -m tools.architecture`"


def test_the_picture_shows_every_module_of_every_layer() -> None:
    drawn = re.findall(r"<text x=[^>]*>([^<]+)</text>", PICTURE.read_text(encoding="utf-8"))
    assert sorted(drawn) == sorted(
        name for each in stacks(contracts()) for layer in each.layers for name in layer.modules
    )


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w+/)+[\w.]*)`", TEXT))))
def test_what_the_page_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()
