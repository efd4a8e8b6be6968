"""Fixtures of the browser tests: Chromium, the stub shop with a page whose clock the test moves, and the real site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .buyer import Buyer
from .chromium import open_chromium
from .site import Site, open_site
from .stub_shop import StubShop, button, document, open_stub_shop


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for a file of tests."""
    with open_chromium() as browser:
        from playwright.sync_api import expect

        expect.set_options(timeout=45_000)  # two cores may be shared by a lot
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
    page.set_default_timeout(45_000)
    page.clock.install()
    yield page
    context.close()


@pytest.fixture
def still(page: Any) -> Any:
    """The same page, whose time passes only where the test says so: for what must not have happened yet."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)  # in seconds
    return page


@pytest.fixture(scope="module")
def servers(
    chromium: Any, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One shop and one sandbox for a file of tests."""
    with django_db_blocker.unblock(), open_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(servers: Site, transactional_db: None) -> Iterator[Site]:
    """The servers with empty ledgers."""
    servers.forget()
    yield servers
    servers.forget()


@pytest.fixture
def buyer(site: Site, chromium: Any, request: pytest.FixtureRequest) -> Iterator[Buyer]:
    """A buyer at a desk, or with a phone where the test asks for "phone"; the browser must have no complaints."""
    buyer = Buyer(chromium, site, is_phone=getattr(request, "param", "pc") == "phone")
    yield buyer
    buyer.context.close()
    assert buyer.complaints == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    buyer = getattr(item, "funcargs", {}).get("buyer")
    if report.when == "call" and report.failed and buyer:
        report.sections.append(("what the buyer had before them", buyer.sight()))
    return report
