"""Tells which release this is, what it needs and what it runs on."""

import json
import platform

from cli.output import answer
from cli.parsing import AsJson
from cli.words import aligned
from landfall import __version__
from landfall.database.revision import HEAD


def version(*, as_json: AsJson = False) -> None:
    """Tell the release, the database revision that it needs, the Python and the platform."""
    facts = {
        "release": __version__,
        "database_revision": HEAD,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    if as_json:
        answer(json.dumps(facts))
        return
    answer(f"landfall {__version__}")
    answer("\n".join(aligned((name.replace("_", " "), fact) for name, fact in list(facts.items())[1:])))
