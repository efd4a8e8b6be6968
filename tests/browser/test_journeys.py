"""Whole journeys in a real browser: paying, being declined, giving up, a virtual account; the ledger judges."""

from __future__ import annotations

from datetime import datetime

import pytest

from .buyer import Buyer
from .site import Site
from .verdict import is_paid_once, is_unpaid, states, told

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser
everywhere = pytest.mark.parametrize("buyer", ["pc", "phone"], indirect=True)


@everywhere
def test_paying_by_card_ends_at_the_paid_page(site: Site, buyer: Buyer) -> None:
    order = site.order(amount=60_000, return_url="/favicon.ico")
    buyer.visit(order)
    buyer.press()
    buyer.window.get_by_test_id("quota").select_option("3")
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    rows = buyer.page.locator("dl")
    for words in ("60,000원", "아메리카노 원두 500g", "신용카드", "신한카드", "3개월 할부"):
        sync_api.expect(buyer.page.locator("main")).to_contain_text(words)
    sync_api.expect(rows).not_to_contain_text("홍길동")
    is_paid_once(site, order)
    assert [record["channel"] for record in site.records(order)] == ["mobile" if buyer.is_phone else "pc"]


@everywhere
def test_paying_with_a_wallet_ends_at_the_paid_page(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press("wallet")
    buyer.does("agree", "pay")
    buyer.sees("결제가 완료되었습니다")
    sync_api.expect(buyer.page.locator("main")).to_contain_text("카카오페이")
    is_paid_once(site, order)


def test_a_declined_card_leaves_a_usable_button_whose_next_attempt_pays(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.window.get_by_test_id("decline-reason").select_option("1254")
    buyer.does("decline")
    sync_api.expect(buyer.message()).to_contain_text("결제된 금액은 없습니다. ([1254] 잔액부족)")
    sync_api.expect(buyer.button()).to_be_enabled()
    is_unpaid(site, order, "failed")
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert states(order) == ["failed", "paid"]


@pytest.mark.parametrize("buyer", ["phone"], indirect=True)
def test_on_a_phone_the_failure_page_says_why_and_its_button_pays(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.window.get_by_test_id("decline-reason").select_option("1254")
    buyer.does("decline")
    buyer.sees("결제가 완료되지 않았습니다")
    sync_api.expect(buyer.page.locator("main")).to_contain_text("잔액부족")
    is_unpaid(site, order, "failed")
    buyer.touch("다시 시도하기")
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


def test_closing_the_window_says_so_and_the_next_click_pays(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.does("close")
    sync_api.expect(buyer.message()).to_contain_text("결제된 금액은 없습니다")
    is_unpaid(site, order, "failed")  # Inicis reports a buyer's cancel as a failed record, which ends the attempt
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


def test_a_window_left_without_a_word_gives_the_button_back_and_the_same_attempt_pays(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.page.clock.install()
    buyer.visit(order)
    buyer.press()
    sync_api.expect(buyer.button()).to_be_disabled()
    buyer.page.clock.run_for(2000)  # the script looks for its button once a second
    buyer.does("leave")
    buyer.window_is_gone()
    buyer.page.clock.run_for(3000)
    sync_api.expect(buyer.button()).to_be_enabled()
    sync_api.expect(buyer.message()).not_to_be_empty()
    sync_api.expect(buyer.message()).not_to_have_text("결제창을 여는 중입니다…")
    is_unpaid(site, order, "pending")
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert (states(order), sorted(told(site, order))) == (["paid"], ["paid", "ready"])


@pytest.mark.parametrize("buyer", ["phone"], indirect=True)
def test_a_phone_that_left_the_window_goes_back_and_the_same_attempt_pays(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.goes_back()
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert states(order) == ["paid"]


@everywhere
def test_a_virtual_account_is_shown_and_its_page_turns_to_paid_by_itself(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.page.clock.install()
    buyer.visit(order)
    buyer.press("vbank")
    number = buyer.takes_an_account()
    buyer.sees("입금을 기다리고 있습니다")
    sync_api.expect(buyer.page.locator("#portone-account")).to_have_text(number)
    (record,) = site.records(order)
    deadline = buyer.page.locator("time").get_attribute("datetime")
    assert datetime.fromisoformat(deadline).timestamp() == record["vbank_date"]
    is_unpaid(site, order, "awaiting_deposit", state="awaiting_deposit")
    site.sandbox.deposit(record["imp_uid"])
    site.sandbox.flush_webhooks()
    buyer.page.clock.fast_forward(11_000)
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


@everywhere
def test_from_the_waiting_page_another_way_is_a_new_attempt(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press("vbank")
    buyer.takes_an_account()
    buyer.sees("입금을 기다리고 있습니다")
    buyer.touch("다른 방법으로 결제하기")
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert states(order) == ["expired", "paid"]


def test_a_click_on_the_shops_page_leads_to_the_account_that_waits(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press("vbank")
    number = buyer.takes_an_account()
    buyer.sees("입금을 기다리고 있습니다")
    buyer.visit(order)
    buyer.button("card").click()
    buyer.sees("입금을 기다리고 있습니다")
    sync_api.expect(buyer.page.locator("#portone-account")).to_have_text(number)
    is_unpaid(site, order, "awaiting_deposit", state="awaiting_deposit")
