"""The scripts of the waiting pages in a real Chromium: they move on by themselves and copy the account number."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.template.loader import render_to_string

from .stub_shop import StubShop, button

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


def rendered(name: str, **more: Any) -> str:
    order = SimpleNamespace(name="감귤 5kg", amount=12900, currency="KRW", reference="A-1")
    payment = SimpleNamespace(
        vbank_name="신한은행",
        vbank_num="56211900000000",
        vbank_holder="케이지이니시스",
        vbank_expires_at=datetime(2026, 8, 9, 14, 59, tzinfo=UTC),
    )
    context = {"order": order, "payment": payment, "amount_text": "12,900원", "status_url": "/status", **more}
    return render_to_string(f"portone/{name}.html", context)


def test_the_confirming_page_waits_while_undecided_and_then_moves_on(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = rendered("result_confirming")
    stub.answers["/status"] = [{"state": "confirming", "url": "/"}, (503, "busy"), {"state": "paid", "url": "/paid"}]
    page.goto(stub.url + "/")
    for asked in (1, 2):
        page.clock.run_for(3500)
        stub.wait_for("/status", asked)
        assert page.url == stub.url + "/"
    page.clock.run_for(4500)
    page.wait_for_url(stub.url + "/paid")


def test_the_confirming_page_shows_itself_anew_when_the_result_is_at_its_own_address(
    page: sync_api.Page, stub: StubShop
) -> None:
    stub.page = rendered("result_confirming")
    stub.answers["/status"] = {"state": "failed", "url": "/"}
    page.goto(stub.url + "/")
    stub.page = "<h1>failed</h1>"
    page.clock.run_for(2500)
    page.get_by_role("heading", name="failed").wait_for()


def test_the_confirming_page_follows_no_address_that_is_not_a_page(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = rendered("result_confirming")
    stub.answers["/status"] = {"state": "paid", "url": "javascript:document.title='run'"}
    page.goto(stub.url + "/")
    title = page.title()
    page.clock.run_for(2500)
    stub.wait_for("/status", 1)
    page.clock.run_for(5000)
    stub.wait_for("/status", 2)
    assert page.title() == title


@pytest.mark.usefixtures("still")
def test_a_payment_window_on_the_confirming_page_is_not_reloaded_away(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = rendered("result_confirming").replace("</main>", button() + "</main>")
    stub.answers["/status"] = {"state": "failed", "url": "/"}
    page.goto(stub.url + "/")
    page.click("#pay")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")
    page.clock.run_for(12_000)
    assert stub.bodies("/status") == []
    assert page.evaluate("sdk.opened.length") == 1


def test_an_attempt_that_ends_because_another_way_was_pressed_does_not_take_that_press_away(
    page: sync_api.Page, stub: StubShop
) -> None:
    """The server ends the old attempt before it answers: a look in between would have reloaded the page."""
    stub.page = rendered("result_awaiting_deposit").replace("</main>", button(config={"another": True}) + "</main>")
    stub.answers.update({"/start": "hang", "/status": {"state": "expired", "url": "/"}})
    page.goto(stub.url + "/")
    page.click("#pay")
    stub.wait_for("/start")
    page.clock.run_for(12_000)
    assert stub.bodies("/status") == []
    page.clock.run_for(9_000)  # nothing came of it: the page waits for the deposit again
    sync_api.expect(page.locator("[data-portone-status]")).to_have_text("인터넷 연결을 확인해 주세요.")
    page.clock.run_for(16_000)
    stub.wait_for("/status")


def test_the_deposit_page_moves_on_when_the_deposit_arrives(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = rendered("result_awaiting_deposit")
    stub.answers["/status"] = [{"state": "awaiting_deposit", "url": "/"}, {"state": "paid", "url": "/paid"}]
    page.goto(stub.url + "/")
    page.clock.run_for(11_000)
    stub.wait_for("/status", 1)
    assert page.url == stub.url + "/"
    page.clock.run_for(14_000)
    page.wait_for_url(stub.url + "/paid")


def test_the_account_number_can_be_copied(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = rendered("result_awaiting_deposit")
    page.goto(stub.url + "/")
    page.click("[data-portone-copy]")
    sync_api.expect(page.locator("#portone-copied")).not_to_be_empty()
    assert page.evaluate("navigator.clipboard.readText()") == "56211900000000"


def test_without_scripts_the_confirming_page_reloads_itself_and_no_dead_button_is_shown(
    chromium: sync_api.Browser, stub: StubShop
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    stub.page = rendered("result_awaiting_deposit")
    page.goto(stub.url + "/")
    sync_api.expect(page.locator("[data-portone-copy]")).to_be_hidden()
    stub.page = rendered("result_confirming")
    page.goto(stub.url + "/")
    assert page.locator("noscript meta[http-equiv=refresh]").get_attribute("content") == "5"
    context.close()
