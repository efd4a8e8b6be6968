"""Where Chromium comes from: the path in CHROMIUM, else the PATH; without one the browser tests are left out.

PORTONE_REQUIRE_CHROMIUM=1 turns the leaving out into a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@contextmanager
def open_chromium(*flags: str) -> Iterator[Any]:
    """A playwright Browser with its back/forward cache on, as customers have it; `flags` beside the usual ones."""
    executable = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=[*FLAGS, *flags], ignore_default_args=["--disable-back-forward-cache"]
        )
        yield browser
        browser.close()


def find_chromium() -> str:
    """The browser's path; skips (or fails) the test when there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    reason = "no Chromium on the PATH; CHROMIUM may name one"
    if os.environ.get("PORTONE_REQUIRE_CHROMIUM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
