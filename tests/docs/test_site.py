"""Promises of the documentation as a site: every page is there, every link leads somewhere, nothing is fetched from elsewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from tests.docs.pages import DOCS, ROOT, Page, pages

_CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_RULES = ROOT / "deploy" / "prometheus" / "rules" / "landfall.yml"
# What code, settings and alarms say of a page, wherever it is said.
_MENTION = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
_SPEAKING = ("api", "cli", "client", "deploy", "landfall", "migrations", "sandbox", "worker", "benchmarks", "tools")


class _Html(HTMLParser):
    """What a page of the site holds: the ids of its elements, and what a browser fetches with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.add(found["id"])
        if tag in _LOADED:
            self.fetched.add(found.get(_LOADED[tag], ""))
        if tag == "link" and found.get("rel") not in {"canonical", "prev", "next", "alternate"}:
            self.fetched.add(found["href"])


@dataclass(frozen=True)
class _Built:
    """A site, and what its making complained of."""

    folder: Path
    complaints: str


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> _Built:
    """The site, built in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copytree(ROOT / "tools" / "site", folder / "tools" / "site")
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [str(Path(sys.executable).with_name("zensical")), "build"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    told = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    return _Built(folder / "build" / "site", told if "Warning" in told else "")


@pytest.fixture(scope="module")
def site(built: _Built) -> Path:
    return built.folder


@pytest.fixture(scope="module")
def html(site: Path) -> dict[str, _Html]:
    """Each page of the site by its source's name in docs/."""
    return {
        str(path.relative_to(site).with_suffix(".md")): _Html(path)
        for path in site.rglob("*.html")
        if path.name != "404.html"
    }


def test_every_page_is_in_the_navigation_once() -> None:
    told = list(_named(_CONFIG["nav"]))
    there = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(told) == sorted(there), "zensical.toml's nav and docs/ differ"


def test_the_strict_build_has_nothing_to_complain_of(built: _Built) -> None:
    assert built.complaints == ""


def test_every_page_is_built(html: dict[str, _Html]) -> None:
    assert html.keys() == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


def test_the_site_asks_no_other_machine_for_anything(site: Path, html: dict[str, _Html]) -> None:
    asked = {address for page in html.values() for address in page.fetched if re.match(r"(\w+:)?//", address)}
    assert asked == set()
    for sheet in site.rglob("*.css"):
        found = re.findall(r"(?:@import\s*|url\()[\"']?((?:https?:)?//[^\"')]*)", sheet.read_text(encoding="utf-8"))
        assert found == [], sheet.name


def test_a_page_with_a_diagram_brings_what_draws_it(site: Path) -> None:
    drawn = [path for path in site.rglob("*.html") if 'class="mermaid"' in path.read_text(encoding="utf-8")]
    assert drawn
    for path in drawn:
        source = re.search(r'src="([^"]*mermaid[^"]*)"', path.read_text(encoding="utf-8"))
        assert source, path.name
        assert (path.parent / source[1]).is_file()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Page, html: dict[str, _Html]) -> None:
    dead = [f"line {line}: {target}" for line, target in page.targets if not _leads(page.name, target, html)]
    assert dead == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md", "client/README.md"])
def test_every_link_of_what_stands_outside_docs_leads_somewhere(name: str, html: dict[str, _Html]) -> None:
    dead = [f"line {line}: {target}" for line, target in Page(name).targets if not _leads(name, target, html)]
    assert dead == []


def test_every_page_that_code_or_settings_name_is_there(html: dict[str, _Html]) -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {mention}"
        for path in _speaking()
        for mention in _MENTION.findall(path.read_text(encoding="utf-8"))
        if not _leads("README.md", mention, html)
    ]
    assert dead == []


def test_every_alarm_s_guide_is_there(html: dict[str, _Html]) -> None:
    rules: Any = yaml.safe_load(_RULES.read_text(encoding="utf-8"))
    guides = [
        rule["annotations"]["runbook"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "runbook" in rule.get("annotations", {})
    ]
    assert guides
    assert [guide for guide in guides if not _leads("README.md", guide[guide.index("docs/") :], html)] == []


def _named(nav: list[Any] | dict[str, Any] | str) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case dict():
            for below in nav.values():
                yield from _named(below)
        case _:
            for below in nav:
                yield from _named(below)


def _leads(page: str, target: str, html: dict[str, _Html]) -> bool:
    """Whether the target of a link on the page is a file of the checkout and, of a page, one of its headings."""
    if re.match(r"\w+:", target):
        return not target.startswith("file:")
    path, _, fragment = target.partition("#")
    found = (ROOT / PurePosixPath(page).parent / path).resolve() if path else ROOT / page
    if not found.exists() or not found.is_relative_to(ROOT):
        return False
    if not fragment:
        return True
    built = html.get(str(found.relative_to(DOCS))) if found.is_relative_to(DOCS) else None
    return fragment in (built.ids if built else Page(str(found.relative_to(ROOT))).anchors)


def _speaking() -> Iterator[Path]:
    for folder in _SPEAKING:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".yml", ".yaml", ".toml", ".json", ".sh", ".html", ".service"}:
                yield path
