"""The checkout script in a real Chromium, against a scripted server and a scripted SDK; the page's clock is moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .chromium import open_chromium
from .stub_shop import HTML_500, LOGIN_PAGE, MESSAGES, OPEN, STUB_SDK, Shop, button, document, open_shop

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

NOT_READY = "{imp_uid: null, merchant_uid: 't1', error_coe: 'NOT_READY', error_msg: '준비되지 않았습니다'}"
DONE = "{imp_uid: 'imp_1', merchant_uid: 't1', paid_amount: 1, success: true, buyer_name: '홍길동'}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        shop.page = document(button())
        yield shop


@pytest.fixture
def page(chromium: sync_api.Browser) -> Iterator[sync_api.Page]:
    page = chromium.new_page(locale="ko-KR")
    page.set_default_timeout(10_000)
    page.clock.install()
    yield page
    page.close()


def visit(page: sync_api.Page, shop: Shop) -> None:
    page.goto(shop.url + "/")


def pay(page: sync_api.Page, shop: Shop) -> None:
    """Visits the shop, clicks and waits until the window is open."""
    visit(page, shop)
    page.click("#pay")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")


def says(page: sync_api.Page, message: str, element_id: str = "pay") -> None:
    sync_api.expect(page.locator(f"#{element_id}-status")).to_have_text(message)


def is_usable(page: sync_api.Page, selector: str = "#pay") -> None:
    sync_api.expect(page.locator(selector)).to_be_enabled()


def arrives(page: sync_api.Page, shop: Shop, path: str) -> None:
    page.wait_for_url(shop.url + path)


# ---- opening the window ---------------------------------------------------------------------------------------------


def test_a_click_opens_the_window_with_exactly_what_the_server_answered(page: sync_api.Page, shop: Shop) -> None:
    pay(page, shop)
    assert page.evaluate("sdk.opened") == [OPEN["params"]]
    assert page.evaluate("sdk.inits") == ["imp00000000"]
    [(method, _, body, headers)] = [request for request in shop.requests if request[1] == "/start"]
    assert (method, body) == ("POST", {"token": "token-of-pay", "another": False})
    assert headers["X-CSRFToken"] == "csrf-1"


def test_the_sdk_is_loaded_before_the_click_and_only_once(page: sync_api.Page, shop: Shop) -> None:
    shop.page = document(button("pay"), button("second"), button("third"))
    visit(page, shop)
    page.wait_for_function("window.sdk")
    assert shop.bodies("/start") == []
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 1")
    assert len(shop.bodies("/sdk.js")) == 1


def test_an_sdk_that_the_host_loaded_is_used_and_not_loaded_again(page: sync_api.Page, shop: Shop) -> None:
    shop.page = document(f"<script>{STUB_SDK}</script>", button())
    pay(page, shop)
    assert shop.bodies("/sdk.js") == []


def test_a_double_click_starts_once_and_opens_one_window(page: sync_api.Page, shop: Shop) -> None:
    visit(page, shop)
    page.evaluate(
        """() => { const pay = document.getElementById('pay');
                   for (let i = 0; i < 5; i += 1) pay.dispatchEvent(new MouseEvent('click', {bubbles: true})); }"""
    )
    page.wait_for_function("window.sdk && sdk.opened.length > 0")
    page.clock.run_for(3000)
    assert len(shop.bodies("/start")) == 1
    assert page.evaluate("sdk.opened.length") == 1


def test_while_one_order_is_paid_every_other_button_of_the_page_waits(page: sync_api.Page, shop: Shop) -> None:
    shop.page = document(button("pay"), button("other"), button("off", disabled=True))
    pay(page, shop)
    page.evaluate("document.getElementById('other').click()")
    sync_api.expect(page.locator("#other")).to_be_disabled()
    sync_api.expect(page.locator("#pay")).to_have_attribute("aria-busy", "true")
    shop.answers["/complete"] = {"state": "failed", "message": "한도초과"}
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page, "#other")
    sync_api.expect(page.locator("#off")).to_be_disabled()
    assert [body["token"] for body in shop.bodies("/start")] == ["token-of-pay"]


def test_the_script_works_when_it_is_on_the_page_many_times(page: sync_api.Page, shop: Shop) -> None:
    shop.page = document(button("pay"), button("other"), button("third"))
    visit(page, shop)
    page.click("#third")
    page.wait_for_function("window.sdk && sdk.opened.length > 0")
    assert [body["token"] for body in shop.bodies("/start")] == ["token-of-third"]


def test_a_button_that_arrives_after_the_page_works_too(page: sync_api.Page, shop: Shop) -> None:
    visit(page, shop)
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", button("late"))
    page.click("#late")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")
    assert shop.bodies("/start")[0]["token"] == "token-of-late"


def test_the_script_runs_under_a_strict_content_security_policy(page: sync_api.Page, shop: Shop) -> None:
    policy = "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'; style-src 'nonce-abc'"
    shop.headers = {"Content-Security-Policy": policy}
    shop.page = document(button(nonce="abc"))
    pay(page, shop)
    assert page.evaluate("getComputedStyle(document.getElementById('pay')).borderRadius") == "12px"


def test_init_is_called_once_and_again_only_for_a_replaced_sdk(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "잔액부족"}
    pay(page, shop)
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


def test_a_start_that_finds_the_order_paid_goes_to_its_result_without_the_sdk(page: sync_api.Page, shop: Shop) -> None:
    shop.answers.update({"/start": {"action": "redirect", "url": "/paid"}, "/sdk.js": (404, "")})
    visit(page, shop)
    page.click("#pay")
    arrives(page, shop, "/paid")


def test_an_address_that_is_not_a_page_is_not_followed(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/start"] = {"action": "redirect", "url": "javascript:document.title='run'"}
    visit(page, shop)
    page.click("#pay")
    says(page, MESSAGES["unavailable"])
    is_usable(page)
    assert page.title() == "shop"


# ---- what cannot start -----------------------------------------------------------------------------------------------


def test_a_refused_start_shows_the_servers_words_as_text_and_frees_the_button(page: sync_api.Page, shop: Shop) -> None:
    words = "품절된 상품입니다. <img src=x onerror=alert(1)>"
    shop.answers["/start"] = (409, {"error": {"code": "order_changed", "message": words}})
    visit(page, shop)
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
    page: sync_api.Page, shop: Shop, answer: object, message: str
) -> None:
    shop.answers["/start"] = answer
    visit(page, shop)
    page.click("#pay")
    says(page, message)
    is_usable(page)
    assert page.evaluate("window.sdk ? sdk.opened.length : 0") == 0


def test_a_start_that_never_answers_ends_after_twenty_seconds(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/start"] = "hang"
    visit(page, shop)
    page.click("#pay")
    shop.wait_for("/start")
    page.clock.run_for(21_000)
    says(page, MESSAGES["network"])
    is_usable(page)


def test_a_blocked_sdk_is_explained_and_the_next_click_tries_again(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/sdk.js"] = (404, "")
    visit(page, shop)
    page.click("#pay")
    says(page, MESSAGES["blocked"])
    is_usable(page)
    shop.answers["/sdk.js"] = (200, STUB_SDK)
    page.click("#pay")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")


def test_an_sdk_that_never_arrives_is_given_up_after_ten_seconds(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/sdk.js"] = "hang"
    page.goto(shop.url + "/", wait_until="commit")
    page.click("#pay")
    shop.wait_for("/start")
    page.clock.run_for(11_000)
    says(page, MESSAGES["blocked"])
    is_usable(page)


def test_an_sdk_that_throws_leaves_a_usable_page(page: sync_api.Page, shop: Shop) -> None:
    visit(page, shop)
    page.wait_for_function("window.sdk")
    page.evaluate("sdk.broken = true")
    page.click("#pay")
    says(page, MESSAGES["unavailable"])
    is_usable(page)


# ---- the callback is a hint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["paid", "awaiting_deposit", "confirming", "checking"])
def test_the_customer_goes_where_the_server_says(page: sync_api.Page, shop: Shop, state: str) -> None:
    shop.answers["/complete"] = {"state": state, "url": "/paid", "message": ""}
    pay(page, shop)
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, shop, "/paid")
    assert shop.bodies("/complete") == [{"imp_uid": "imp_1", "merchant_uid": "t1", "error_code": "", "error_msg": ""}]


def test_success_in_the_callback_does_not_make_a_payment(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "한도초과. 결제된 금액은 없습니다."}
    pay(page, shop)
    page.evaluate(f"sdk.answer({DONE})")
    says(page, "한도초과. 결제된 금액은 없습니다.")
    is_usable(page)
    assert page.url == shop.url + "/"


def test_an_error_in_the_callback_does_not_unmake_one(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "paid", "url": "/paid"}
    pay(page, shop)
    page.evaluate("sdk.answer({success: false, imp_uid: 'imp_1', error_code: '1114', error_msg: '사용자 취소'})")
    arrives(page, shop, "/paid")
    assert shop.bodies("/complete")[0] == {
        "imp_uid": "imp_1",
        "merchant_uid": "t1",
        "error_code": "1114",
        "error_msg": "사용자 취소",
    }


def test_not_ready_without_imp_uid_reaches_the_server_and_frees_the_button(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "결제창을 열지 못했습니다."}
    pay(page, shop)
    page.evaluate(f"sdk.answer({NOT_READY})")
    says(page, "결제창을 열지 못했습니다.")
    is_usable(page)
    assert shop.bodies("/complete")[0] == {
        "imp_uid": "",
        "merchant_uid": "t1",
        "error_code": "NOT_READY",
        "error_msg": "준비되지 않았습니다",
    }


def test_a_callback_without_an_object_still_asks_the_server(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "취소"}
    pay(page, shop)
    page.evaluate("sdk.answer(undefined)")
    says(page, "취소")
    assert shop.bodies("/complete")[0]["merchant_uid"] == "t1"


@pytest.mark.parametrize("answer", [HTML_500, LOGIN_PAGE, (403, "no"), "drop"], ids=["500", "login", "403", "lost"])
def test_an_unreadable_answer_to_complete_is_not_a_failure(page: sync_api.Page, shop: Shop, answer: object) -> None:
    shop.answers["/complete"] = answer
    pay(page, shop)
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, shop, "/result")


def test_a_repeated_callback_is_reported_once(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "취소"}
    pay(page, shop)
    page.evaluate(f"sdk.answer({DONE}); sdk.answer({DONE})")
    says(page, "취소")
    page.evaluate(f"sdk.answer({DONE})")
    page.clock.run_for(2000)
    assert len(shop.bodies("/complete")) == 1


# ---- the callback that never comes -----------------------------------------------------------------------------------


def test_without_a_callback_the_server_is_asked_from_fifteen_seconds_on(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/status"] = [{"state": "pending", "url": "/result"}, {"state": "paid", "url": "/paid"}]
    pay(page, shop)
    page.clock.run_for(13_000)
    assert shop.bodies("/status") == []
    page.clock.run_for(4000)
    shop.wait_for("/status", 1)
    assert page.url == shop.url + "/"
    page.clock.run_for(8000)
    arrives(page, shop, "/paid")


def test_a_window_closed_without_a_callback_gives_the_button_back(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/status"] = {"state": "pending", "url": "/result"}
    pay(page, shop)
    page.clock.run_for(3000)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    says(page, MESSAGES["closed"])
    is_usable(page)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")


def test_a_window_closed_after_paying_still_ends_at_the_result(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/status"] = {"state": "paid", "url": "/paid"}
    pay(page, shop)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(4000)
    arrives(page, shop, "/paid")


def test_a_failure_is_not_announced_while_the_window_is_open(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/status"] = {"state": "failed", "message": "한도초과"}
    pay(page, shop)
    page.clock.run_for(17_000)
    shop.wait_for("/status")
    page.clock.run_for(1000)
    says(page, MESSAGES["working"])
    page.evaluate("sdk.close()")
    page.clock.run_for(8000)
    says(page, "한도초과")
    is_usable(page)


def test_after_twenty_seconds_another_try_is_offered_and_asks_for_the_same_attempt(
    page: sync_api.Page, shop: Shop
) -> None:
    shop.page = document(button(config={"another": True}))
    shop.answers["/status"] = {"state": "pending", "url": "/result"}
    visit(page, shop)
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
    assert [body["another"] for body in shop.bodies("/start")] == [True, False]


def test_a_late_failure_of_an_earlier_window_does_not_disturb_the_present_one(page: sync_api.Page, shop: Shop) -> None:
    shop.answers.update({"/status": {"state": "pending"}, "/complete": {"state": "failed", "message": "취소"}})
    pay(page, shop)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.callbacks[0]({DONE})")
    shop.wait_for("/complete")
    page.clock.run_for(1000)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    says(page, MESSAGES["working"])


def test_a_late_success_of_an_earlier_window_goes_to_the_result(page: sync_api.Page, shop: Shop) -> None:
    shop.answers.update({"/status": {"state": "pending"}, "/complete": {"state": "paid", "url": "/paid"}})
    pay(page, shop)
    page.clock.run_for(3000)
    page.evaluate("sdk.close()")
    page.clock.run_for(3000)
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")
    page.evaluate(f"sdk.callbacks[0]({DONE})")
    arrives(page, shop, "/paid")


def test_after_half_an_hour_the_page_stops_waiting(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/status"] = {"state": "pending"}
    pay(page, shop)
    page.clock.fast_forward(31 * 60 * 1000)
    page.clock.run_for(2000)
    says(page, MESSAGES["closed"])
    is_usable(page)


# ---- leaving and coming back -----------------------------------------------------------------------------------------


def test_coming_back_from_the_result_finds_a_usable_page(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "paid", "url": "/paid"}
    pay(page, shop)
    page.evaluate("window.mark = 'the page as it was left'")
    page.evaluate(f"sdk.answer({DONE})")
    arrives(page, shop, "/paid")
    page.go_back(wait_until="commit")
    is_usable(page)
    says(page, "")
    assert page.evaluate("window.mark") == "the page as it was left"
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")


def test_a_page_from_the_back_forward_cache_frees_its_buttons(page: sync_api.Page, shop: Shop) -> None:
    pay(page, shop)
    sync_api.expect(page.locator("#pay")).to_be_disabled()
    page.evaluate("sdk.close(); window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    is_usable(page)
    says(page, "")
    page.click("#pay")
    page.wait_for_function("sdk.opened.length === 2")


def test_the_host_hears_what_happens_and_may_stay_on_the_page(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = [{"state": "failed", "message": "한도초과"}, {"state": "paid", "url": "/paid"}]
    pay(page, shop)
    page.evaluate(
        """() => { window.heard = [];
            for (const name of ['open', 'fail', 'done']) document.addEventListener('portone:' + name, (event) => {
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
        ["open", {"merchant_uid": "t1"}],
        ["done", {"state": "paid", "url": "/paid"}],
    ]
    assert page.url == shop.url + "/"


def test_the_keyboard_stays_at_the_button_after_a_failure(page: sync_api.Page, shop: Shop) -> None:
    shop.answers["/complete"] = {"state": "failed", "message": "한도초과"}
    visit(page, shop)
    page.focus("#pay")
    page.keyboard.press("Enter")
    page.wait_for_function("window.sdk && sdk.opened.length === 1")
    page.evaluate(f"sdk.answer({DONE})")
    is_usable(page)
    assert page.evaluate("document.activeElement.id") == "pay"
