"""Sets the demo's scene: a fresh folder with settings, credentials of the sandbox's making, and a dozen requests."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.failures import CommandError

SLOTS = 5
_FIRST_DAY = date(2026, 1, 1)
_SECRETS = {  # made up: the sandbox takes every name that starts with sandbox-
    "DEMO_INTELLIGEMS_ACCESS_TOKEN": "sandbox-demo",
    "DEMO_BWP_CLIENT_ID": "sandbox-demo",
    "DEMO_BWP_CLIENT_SECRET": "sandbox-demo-secret",
}
_EXPERIENCES = (
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "9b2d6f3a-1c5e-4b8a-a7d4-52e6c1f0b938",
)
_SETTINGS = """\
# Landfall's settings for this demo; README.md explains them all.
home = {home}

[accounts.shop-ab]
vendor = "intelligems"
base_url = {intelligems}        # the sandbox; leave it out for the vendor itself
access_token = {{ env = "DEMO_INTELLIGEMS_ACCESS_TOKEN" }}        # where the secret is read from, never the secret

[accounts.shop-bwp]
vendor = "buy_with_prime"
base_url = {buy_with_prime}
client_id = {{ env = "DEMO_BWP_CLIENT_ID" }}
client_secret = {{ env = "DEMO_BWP_CLIENT_SECRET" }}
target_id = "demo"
max_started = {slots}        # reports that Buy with Prime makes at once for an account
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """The demo's folder and what lies in it."""

    folder: Path

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "landfall.toml"

    @property
    def credentials(self) -> Path:
        """A file for the shell that names the settings file and the sandbox's credentials."""
        return self.folder / "demo.env"

    @property
    def home(self) -> Path:
        """Landfall's home."""
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """This process's environment, with the demo's settings instead of any other."""
        foreign = {name for name in os.environ if name.upper().startswith("LANDFALL_")}
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        return kept | _SECRETS | {"LANDFALL_CONFIG": str(self.config), "LANDFALL_API_PORT": "0"}


def make_folder(home: Path | None) -> Setting:
    """Make a fresh folder. Raises CommandError where it cannot be made or is in use."""
    folder = (home or Path(".landfall-demo") / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}").absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CommandError(f"home: {folder} is not empty; name another folder with --home.")
    except OSError as error:
        raise CommandError(f"home: {folder} cannot be made ({error.strerror}); name another with --home.") from None
    return Setting(folder)


def write_settings(setting: Setting, sandbox: Mapping[str, str]) -> None:
    """Write landfall.toml and the credentials for the sandbox at these addresses."""
    values = {"home": setting.home, "intelligems": sandbox["intelligems"], "buy_with_prime": sandbox["buy_with_prime"]}
    quoted = {name: json.dumps(str(value), ensure_ascii=False) for name, value in values.items()}  # also a TOML string
    setting.config.write_text(_SETTINGS.format(**quoted, slots=SLOTS), encoding="utf-8")
    exported = _SECRETS | {"LANDFALL_CONFIG": str(setting.config)}
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in exported.items()]
    setting.credentials.write_text("".join(lines), encoding="utf-8")


def submissions() -> list[dict[str, Any]]:
    """Write twelve bodies for POST /v1/exports: five of Intelligems, seven of Buy with Prime, beyond its slots."""
    orders = [_intelligems(experience, "orders") for experience in _EXPERIENCES]
    items = [_intelligems(experience, "order_line_items") for experience in _EXPERIENCES[:2]]
    return [*orders, *items, *(_buy_with_prime(week) for week in range(SLOTS + 2))]


def _intelligems(experience: str, export_type: str) -> dict[str, Any]:
    request = {"experience_id": experience, "export_type": export_type, "start": "2026-01-01", "end": "2026-02-01"}
    return {"account": "shop-ab", "request": request}


def _buy_with_prime(week: int) -> dict[str, Any]:
    start = _FIRST_DAY + timedelta(weeks=week)
    end = start + timedelta(weeks=1)
    return {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS", "start": f"{start}", "end": f"{end}"}}
