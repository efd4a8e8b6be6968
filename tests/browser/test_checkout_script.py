"""The checkout script in a real Chromium, against a scripted server and a scripted SDK; the page's clock is moved."""

from __future__ import annotations

import pytest

from .customer import DONE, arrives, is_usable, pay, says, visit
from .stub_shop import HTML_500, LOGIN_PAGE, MESSAGES, OPEN, STUB_SDK, StubShop, button, document

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

NOT_READY = "{imp_uid: null, merchant_uid: 't1', error_coe: 'NOT_READY', error_msg: '준비되지 않았습니다'}"


# ---- opening the window ---------------------------------------------------------------------------------------------


def test_a_click_opens_the_window_with_exactly_what_the_server_answered(page: sync_api.Page, stub: StubShop) -> None:
    pay(page, stub)
    assert page.evaluate("sdk.opened") == [OPEN["params"]]
    assert page.evaluate("sdk.inits") == ["imp00000000"]
    [(method, _, body, headers)] = [request for request in stub.requests if request[1] == "/start"]
    assert (method, body) == ("POST", {"token": "token-of-pay", "another": False})
    assert headers["X-CSRFToken"] == "csrf-1"


def test_the_sdk_is_loaded_before_the_click_and_only_once(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(button("pay"), button("second"), button("third"))
    visit(page, stub)
    page.wait_for_function("window.sdk")
    assert stub.bodies("/start") == []
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 1")
    assert len(stub.bodies("/sdk.js")) == 1
    assert page.locator("script[src='/sdk.js']").count() == 1


def test_an_sdk_that_the_host_loaded_is_used_and_not_loaded_again(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(f"<script>{STUB_SDK}</script>", button())
    pay(page, stub)
    assert stub.bodies("/sdk.js") == []


def test_a_double_click_starts_once_and_opens_one_window(page: sync_api.Page, stub: StubShop) -> None:
    visit(page, stub)
    page.evaluate(
        """() => { const pay = document.getElementById('pay');
                   for (let i = 0; i < 5; i += 1) pay.dispatchEvent(new MouseEvent('click', {bubbles: true})); }"""
    )
    page.wait_for_function("window.sdk && sdk.opened.length > 0")
    page.clock.run_for(3000)
    assert len(stub.bodies("/start")) == 1
    assert page.evaluate("sdk.opened.length") == 1


def test_while_one_order_is_paid_every_other_button_of_the_page_waits(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(button("pay"), button("other"), button("off", disabled=True))
    pay(page, stub)
    page.evaluate("document.getElementById('other').click()")
    sync_api.expect(page.locator("#other")).to_be_disabled()
    sync_api.expect(page.locator("#pay")).to_have_attribute("aria-busy", "true")
    stub.answers["/complete"] = {"state": "failed", "message": "한도초과"}
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page, "#other")
    sync_api.expect(page.locator("#off")).to_be_disabled()
    assert [body["token"] for body in stub.bodies("/start")] == ["token-of-pay"]


def test_the_script_works_when_it_is_on_the_page_many_times(page: sync_api.Page, stub: StubShop) -> None:
    stub.page = document(button("pay"), button("other"), button("third"))
    visit(page, stub)
    page.click("#third")
    page.wait_for_function("window.sdk && sdk.opened.length > 0")
    assert [body["token"] for body in stub.bodies("/start")] == ["token-of-third"]


def test_a_button_that_arrives_after_the_page_works_too(page: sync_api.Page, stub: StubShop) -> None:
    visit(page, stub)
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", button("late"))
    page.click("#late")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")
    assert stub.bodies("/start")[0]["token"] == "token-of-late"


def test_the_script_runs_under_a_strict_content_security_policy(page: sync_api.Page, stub: StubShop) -> None:
    policy = "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'; style-src 'nonce-abc'"
    stub.headers = {"Content-Security-Policy": policy}
    stub.page = document(button(nonce="abc"))
    pay(page, stub)
    assert page.evaluate("getComputedStyle(document.getElementById('pay')).borderRadius") == "12px"


def test_init_is_called_once_and_again_only_for_a_replaced_sdk(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "잔액부족"}
    pay(page, stub)
    for opened in (1, 2):
        page.evaluate(f"sdk.answer({DONE})")
        is_usable(page)
        page.click("#pay")
        page.wait_for_function(f"sdk.opened.length === {opened + 1}")
    assert page.evaluate("sdk.inits.length") == 1
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page)
    page.evaluate(STUB_SDK)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 4")
    assert page.evaluate("sdk.inits.length") == 2


def test_a_start_that_finds_the_order_paid_needs_no_sdk(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers.update({"/start": {"action": "redirect", "url": "/paid"}, "/sdk.js": (404, "")})
    visit(page, stub)
    page.click("#pay")
    arrives(page, stub, "/paid")


def test_an_address_that_is_not_a_page_is_not_followed(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/start"] = {"action": "redirect", "url": "javascript:document.title='run'"}
    visit(page, stub)
    page.click("#pay")
    says(page, MESSAGES["unavailable"])
    is_usable(page)
    assert page.title() == "shop"


# ---- what cannot start -----------------------------------------------------------------------------------------------


def test_a_refused_start_shows_the_servers_words_as_text(page: sync_api.Page, stub: StubShop) -> None:
    words = "품절된 상품입니다. <img src=x onerror=alert(1)>"
    stub.answers["/start"] = (409, {"error": {"code": "order_changed", "message": words}})
    visit(page, stub)
    page.click("#pay")
    says(page, words)
    is_usable(page)
    assert page.locator("#pay-status img").count() == 0
    assert page.locator("#pay-status").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (HTML_500, MESSAGES["unavailable"]),
        (LOGIN_PAGE, MESSAGES["unavailable"]),
        ((403, "CSRF verification failed"), MESSAGES["stale"]),
        ("drop", MESSAGES["network"]),
    ],
    ids=["html-500", "login-page", "csrf", "connection-lost"],
)
def test_a_start_without_a_readable_answer_says_what_to_do(
    page: sync_api.Page, stub: StubShop, answer: object, message: str
) -> None:
    stub.answers["/start"] = answer
    visit(page, stub)
    page.click("#pay")
    says(page, message)
    is_usable(page)
    assert page.evaluate("window.sdk ? sdk.opened.length : 0") == 0


def test_a_start_that_never_answers_ends_after_twenty_seconds(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/start"] = "hang"
    visit(page, stub)
    page.click("#pay")
    stub.wait_for("/start")
    page.clock.run_for(21_000)
    says(page, MESSAGES["network"])
    is_usable(page)


def test_a_blocked_sdk_is_explained_and_the_next_click_tries_again(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/sdk.js"] = (404, "")
    visit(page, stub)
    page.click("#pay")
    says(page, MESSAGES["blocked"])
    is_usable(page)
    stub.answers["/sdk.js"] = (200, STUB_SDK)
    page.click("#pay")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")


def test_an_sdk_that_never_arrives_is_given_up_after_ten_seconds(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/sdk.js"] = "hang"
    page.goto(stub.url + "/", wait_until="commit")
    page.click("#pay")
    stub.wait_for("/start")
    page.clock.run_for(11_000)
    says(page, MESSAGES["blocked"])
    is_usable(page)


def test_an_sdk_that_throws_leaves_a_usable_page(page: sync_api.Page, stub: StubShop) -> None:
    visit(page, stub)
    page.wait_for_function("window.sdk")
    page.evaluate("sdk.broken = true")
    page.click("#pay")
    says(page, MESSAGES["unavailable"])
    is_usable(page)


# ---- the callback is a hint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["paid", "awaiting_deposit", "confirming", "checking"])
def test_the_customer_goes_where_the_server_says(page: sync_api.Page, stub: StubShop, state: str) -> None:
    stub.answers["/complete"] = {"state": state, "url": "/paid", "message": ""}
    pay(page, stub)
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, stub, "/paid")
    assert stub.bodies("/complete") == [{"imp_uid": "imp_1", "merchant_uid": "t1", "error_code": "", "error_msg": ""}]


def test_success_in_the_callback_does_not_make_a_payment(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "한도초과. 결제된 금액은 없습니다."}
    pay(page, stub)
    page.evaluate(f"sdk.answer({DONE})")
    says(page, "한도초과. 결제된 금액은 없습니다.")
    is_usable(page)
    assert page.url == stub.url + "/"


def test_an_error_in_the_callback_does_not_unmake_one(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "paid", "url": "/paid"}
    pay(page, stub)
    page.evaluate("sdk.answer({success: false, imp_uid: 'imp_1', error_code: '1114', error_msg: '사용자 취소'})")
    arrives(page, stub, "/paid")
    assert stub.bodies("/complete")[0] == {
        "imp_uid": "imp_1",
        "merchant_uid": "t1",
        "error_code": "1114",
        "error_msg": "사용자 취소",
    }


def test_not_ready_without_imp_uid_reaches_the_server_and_frees_the_button(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "결제창을 열지 못했습니다."}
    pay(page, stub)
    page.evaluate(f"sdk.answer({NOT_READY})")
    says(page, "결제창을 열지 못했습니다.")
    is_usable(page)
    assert stub.bodies("/complete")[0] == {
        "imp_uid": "",
        "merchant_uid": "t1",
        "error_code": "NOT_READY",
        "error_msg": "준비되지 않았습니다",
    }


def test_a_callback_without_an_object_still_asks_the_server(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "취소"}
    pay(page, stub)
    page.evaluate("sdk.answer(undefined)")
    says(page, "취소")
    assert stub.bodies("/complete")[0]["merchant_uid"] == "t1"


@pytest.mark.parametrize("answer", [HTML_500, LOGIN_PAGE, (403, "no"), "drop"], ids=["500", "login", "403", "lost"])
def test_an_unreadable_answer_to_complete_is_not_a_failure(page: sync_api.Page, stub: StubShop, answer: object) -> None:
    stub.answers["/complete"] = answer
    pay(page, stub)
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, stub, "/result")


def test_a_repeated_callback_is_reported_once(page: sync_api.Page, stub: StubShop) -> None:
    stub.answers["/complete"] = {"state": "failed", "message": "취소"}
    pay(page, stub)
    page.evaluate(f"sdk.answer({DONE}); sdk.answer({DONE})")
    says(page, "취소")
    page.evaluate(f"sdk.answer({DONE})")
    page.clock.run_for(2000)
    assert len(stub.bodies("/complete")) == 1
