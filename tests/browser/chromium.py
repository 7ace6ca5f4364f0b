"""Finds a Chromium on this machine, and runs it so that it asks nobody but us."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    # Whatever it would ask for elsewhere has no address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    # The same picture on every machine.
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
)


class NoChromiumError(Exception):
    """There is none; the text says how to get it."""


def path_of_chromium() -> str:
    """Where it is. Raises NoChromiumError."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise NoChromiumError("there is no Chromium; `apt-get install chromium` installs Debian's")
    return path


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """One browser until the block ends. Raises NoChromiumError.

    Playwright keeps an event loop running in this thread for so long: nothing else may run one meanwhile.
    """
    path = path_of_chromium()
    # Its sandbox does not work for root, who runs it in many a container.
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
