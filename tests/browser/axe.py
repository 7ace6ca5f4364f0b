"""Asks axe, which knows the rules of accessibility, what is wrong with a page."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_SOURCE = Path(__file__).parent / "vendor" / "axe.min.js"
_GRAVE = frozenset({"serious", "critical"})


def grave_faults(page: Page, *rules: str) -> list[str]:
    """The faults that it calls serious or critical, of all rules or of these, each with the first elements that have it."""
    # The page's policy lets no foreign script in; the browser's own console is not bound by it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SOURCE.read_text(encoding="utf-8"))
    asked = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found: list[dict[str, Any]] = page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
    return [_told(each) for each in found if each["impact"] in _GRAVE]


def _told(fault: dict[str, Any]) -> str:
    where = [f"{node['html'][:200]} ({node['failureSummary']})" for node in fault["nodes"][:3]]
    return f"{fault['id']}: {fault['help']}: {'; '.join(where)}"
