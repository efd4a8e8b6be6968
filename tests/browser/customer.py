"""What a customer of the stub shop does and sees."""

from __future__ import annotations

import time
from typing import Any

from .stub_shop import StubShop

# What the window's callback says after a payment; the script may use two of its fields at most.
DONE = "{imp_uid: 'imp_1', merchant_uid: 't1', paid_amount: 1, success: true, buyer_name: '홍길동'}"


def visit(page: Any, stub: StubShop) -> None:
    page.goto(stub.url + "/")


def pay(page: Any, stub: StubShop) -> None:
    """Visits the shop, clicks and waits until the window is open."""
    visit(page, stub)
    page.click("#pay")
    opened(page, 1)


def opened(page: Any, count: int) -> None:
    """Waits until the window was opened that often. Asked from outside the page: wait_for_function polls with eval,
    which a page with a strict Content-Security-Policy refuses."""
    end = time.monotonic() + 60
    while page.evaluate("() => (window.sdk ? window.sdk.opened.length : 0)") != count:
        assert time.monotonic() < end, f"the window was not opened {count} times"
        page.wait_for_timeout(20)


def says(page: Any, message: str, element_id: str = "pay") -> None:
    from playwright.sync_api import expect

    expect(page.locator(f"#{element_id}-status")).to_have_text(message)


def is_usable(page: Any, selector: str = "#pay") -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_be_enabled()


def arrives(page: Any, stub: StubShop, path: str) -> None:
    page.wait_for_url(stub.url + path)
