"""The buyer who clicks twice, opens two tabs, goes back or reloads is charged once and ends at the paid page."""

from __future__ import annotations

import pytest

from .buyer import Buyer
from .site import Site
from .verdict import is_paid_once, is_unpaid, states, told

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser
everywhere = pytest.mark.parametrize("buyer", ["pc", "phone"], indirect=True)


def test_a_double_click_opens_one_window_of_one_attempt(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.button().dblclick()
    buyer.does("agree", "issuer-366")
    assert buyer.page.locator("iframe").count() == 1
    assert (states(order), told(site, order)) == (["pending"], ["ready"])
    buyer.does("pay")
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert told(site, order) == ["paid"]


def test_while_one_window_is_open_no_other_button_can_be_pressed(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press("card")
    for method in ("card", "vbank", "wallet"):
        sync_api.expect(buyer.button(method)).to_be_disabled()
    buyer.does("close")
    for method in ("card", "vbank", "wallet"):
        sync_api.expect(buyer.button(method)).to_be_enabled()
    is_unpaid(site, order, "failed")


@everywhere
def test_two_tabs_open_one_attempt_and_paying_in_both_charges_once(site: Site, buyer: Buyer) -> None:
    order = site.order()
    tabs = [buyer.page, buyer.context.new_page()]
    for tab in tabs:
        buyer.turns_to(tab)
        buyer.visit(order)
    for tab in tabs:
        buyer.turns_to(tab)
        buyer.press()
    assert (states(order), told(site, order)) == (["pending"], ["ready", "ready"])
    for tab in tabs:
        buyer.turns_to(tab)
        buyer.pays_by_card()
        buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert sorted(told(site, order)) == ["failed", "paid"]


@everywhere
def test_going_back_after_paying_and_clicking_leads_to_the_paid_page(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.page.evaluate("window.keptByTheBrowser = true")
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    buyer.returns_to_the_shop()
    assert buyer.page.evaluate("window.keptByTheBrowser")  # the page as it was, not a new one with a disabled button
    sync_api.expect(buyer.button()).to_be_enabled()
    buyer.button().click()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert told(site, order) == ["paid"]


def test_a_new_visit_after_paying_finds_the_buttons_disabled(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    buyer.visit(order)
    sync_api.expect(buyer.button()).to_be_disabled()
    is_paid_once(site, order)


def test_reloading_the_shops_page_under_its_window_keeps_the_attempt(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.page.reload()
    buyer.press()
    assert (states(order), told(site, order)) == (["pending"], ["ready", "ready"])
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


@pytest.mark.parametrize("buyer", ["phone"], indirect=True)
def test_reloading_the_window_of_a_phone_keeps_it_usable(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.page.reload()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert told(site, order) == ["paid"]


@everywhere
def test_reloading_the_paid_page_shows_it_again(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    buyer.page.reload()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
