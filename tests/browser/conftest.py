"""Fixtures of the browser tests: Chromium, and the stub shop with a page whose clock the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .chromium import open_chromium
from .stub_shop import StubShop, button, document, open_stub_shop


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for a file of tests."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def stub() -> Iterator[StubShop]:
    """A shop without Django behind it, with one pay button on its page."""
    with open_stub_shop() as shop:
        shop.page = document(button())
        yield shop


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of its own browser context, with a clock that `page.clock` moves."""
    context = chromium.new_context(locale="ko-KR", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.clock.install()
    yield page
    context.close()
