"""What the checkout script does when the window's callback is late or never comes, and when the customer comes back."""

from __future__ import annotations

import pytest

from .customer import DONE, arrives, is_usable, pay, says, visit
from .stub_shop import HTML_500, MESSAGES, StubShop, button, document

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


# ---- the callback that never comes -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("still")
def test_without_a_callback_the_server_is_asked_from_fifteen_seconds_on(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/status"] = [{"state": "pending", "url": "/result"}, {"state": "paid", "url": "/paid"}]
    pay(page, stub)
    page.clock.run_for(13_000)
    assert stub.bodies("/status") == []
    page.clock.run_for(4000)
    stub.wait_for("/status", 1)
    assert page.url == stub.url + "/"
    page.clock.run_for(8000)
    arrives(page, stub, "/paid")


def test_a_window_closed_without_a_callback_gives_the_button_back(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(button(config={"another": True}))
    stub.answers["/status"] = {"state": "pending", "url": "/result"}
    pay(page, stub)
    page.clock.run_for(3000)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    says(page, MESSAGES["closed"])
    is_usable(page)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    assert [body["another"] for body in stub.bodies("/start")] == [True, False]


def test_a_window_closed_after_paying_still_ends_at_the_result(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/status"] = {"state": "paid", "url": "/paid"}
    pay(page, stub)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(4000)
    arrives(page, stub, "/paid")


def test_a_failure_is_not_announced_while_the_window_is_open(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/status"] = {"state": "failed", "message": "한도초과"}
    pay(page, stub)
    page.clock.run_for(17_000)
    stub.wait_for("/status")
    page.clock.run_for(1000)
    says(page, MESSAGES["working"])
    page.evaluate("sdk.close()")
    page.clock.run_for(8000)
    says(page, "한도초과")
    is_usable(page)


@pytest.mark.usefixtures("still")
def test_after_twenty_seconds_another_try_is_offered_and_asks_for_the_same_attempt(
    page: sync_api.Page, stub: StubShop
) -> None:
    stub.page = document(button(config={"another": True}))
    stub.answers["/status"] = {"state": "pending", "url": "/result"}
    visit(page, stub)
    page.wait_for_function("window.sdk")
    page.evaluate("sdk.silent = true")
    again = page.locator("[data-portone-again]")
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 1")
    page.clock.run_for(18_000)
    sync_api.expect(again).to_be_hidden()
    page.clock.run_for(4000)
    again.click()
    page.wait_for_function("sdk.opened.length === 2")
    sync_api.expect(again).to_be_hidden()
    assert [body["another"] for body in stub.bodies("/start")] == [True, False]


def test_a_late_failure_of_an_earlier_window_leaves_the_present_one_open(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers.update({"/status": {"state": "pending"}, "/complete": {"state": "failed", "message": "취소"}})
    pay(page, stub)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.callbacks[0]({DONE})")
    stub.wait_for("/complete")
    page.clock.run_for(1000)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    says(page, MESSAGES["working"])


def test_a_late_success_of_an_earlier_window_goes_to_the_result(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers.update({"/status": {"state": "pending"}, "/complete": {"state": "paid", "url": "/paid"}})
    pay(page, stub)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.callbacks[0]({DONE})")
    arrives(page, stub, "/paid")


def test_an_unreadable_answer_about_an_earlier_window_leaves_the_present_one_open(
    page: sync_api.Page, stub: StubShop
) -> None:
    stub.answers.update({"/status": {"state": "pending"}, "/complete": [HTML_500, {"state": "paid", "url": "/paid"}]})
    pay(page, stub)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.callbacks[0]({DONE})")
    stub.wait_for("/complete")
    page.clock.run_for(1000)
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, stub, "/paid")
    assert stub.bodies("/result") == []


def test_after_half_an_hour_the_page_stops_waiting(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/status"] = {"state": "pending"}
    pay(page, stub)
    page.clock.fast_forward(31 * 60 * 1000)
    page.clock.run_for(2000)
    says(page, MESSAGES["closed"])
    is_usable(page)


# ---- leaving and coming back -----------------------------------------------------------------------------------------


def test_coming_back_from_the_result_finds_a_usable_page(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "paid", "url": "/paid"}
    pay(page, stub)
    page.evaluate("window.mark = 'the page as it was left'")
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, stub, "/paid")
    page.go_back(wait_until="commit")
    is_usable(page)
    says(page, "")
    assert page.evaluate("window.mark") == "the page as it was left"
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")


def test_a_page_from_the_back_forward_cache_frees_its_buttons(page: sync_api.Page, stub: StubShop) -> None:
    pay(page, stub)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    page.evaluate("sdk.close(); window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    is_usable(page)
    says(page, "")
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")


def test_coming_back_leaves_what_the_server_says_below_a_closed_button(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(button(), button("closed", disabled=True, message="이미 결제된 주문입니다."))
    pay(page, stub)
    page.evaluate("sdk.close(); window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    is_usable(page)
    sync_api.expect(page.locator("#closed-status")).to_have_text("이미 결제된 주문입니다.")
    sync_api.expect(page.locator("#closed")).to_be_disabled()


def test_the_host_hears_what_happens_and_may_stay_on_the_page(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = [{"state": "failed", "message": "한도초과"}, {"state": "paid", "url": "/paid"}]
    pay(page, stub)
    page.evaluate(
        """() => { window.heard = [];
            for (const name of ['start', 'open', 'fail', 'done'])
                document.addEventListener('portone:' + name, (event) => {
                    heard.push([name, event.detail]); if (name === 'done') event.preventDefault(); }); }"""
    )
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page)
    assert page.evaluate("heard") == [
        ["fail", {"code": "failed", "message": "한도초과"}],
        ["start", {}],
        ["open", {"merchant_uid": "t1"}],
        ["done", {"state": "paid", "url": "/paid"}],
    ]
    assert page.url == stub.url + "/"


def test_the_keyboard_stays_at_the_button_after_a_failure(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "한도초과"}
    visit(page, stub)
    page.focus("#pay")
    page.keyboard.press("Enter")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page)
    assert page.evaluate("document.activeElement.id") == "pay"
