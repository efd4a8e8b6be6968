"""What a customer of the stub shop does and sees."""

from __future__ import annotations

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
    page.wait_for_function("window.sdk && sdk.opened.length === 1")


def says(page: Any, message: str, element_id: str = "pay") -> None:
    from playwright.sync_api import expect

    expect(page.locator(f"#{element_id}-status")).to_have_text(message)


def is_usable(page: Any, selector: str = "#pay") -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_be_enabled()


def arrives(page: Any, stub: StubShop, path: str) -> None:
    page.wait_for_url(stub.url + path)
