"""Writes the OpenAPI document into a file: `python -m api.write_openapi docs/openapi.json`."""

import json
import sys
from pathlib import Path

from api.main import create_app
from landfall.settings import Settings


def openapi_text() -> str:
    """The document as it is committed, whatever the settings of this machine."""
    app = create_app(Settings.model_construct(), "redis://")
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(openapi_text(), encoding="utf-8")
