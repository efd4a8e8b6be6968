"""What the buyer meets when the answer is lost, PortOne is dead or somebody edits the amount; the ledger judges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from portone_django.flows.reconciliation import reconcile
from portone_django.sandbox.catalogue import TEST_CHANNEL

from .buyer import Buyer
from .site import Site
from .verdict import is_paid_once, is_unpaid, states, told

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser
everywhere = pytest.mark.parametrize("buyer", ["pc", "phone"], indirect=True)

# What an edit in the browser's console can do: another amount, and nobody whom PortOne asks or tells.
EDITS = """
let real;
const edit = (params) => ({...params, amount: 100, confirm_url: undefined, notice_url: undefined});
Object.defineProperty(window, 'IMP', {
  get: () => real,
  set: (imp) => { real = {...imp, request_pay: (params, done) => imp.request_pay(edit(params), done)}; },
});
"""


@pytest.fixture
def unconfigured_channel() -> Iterator[None]:
    """Only the channel's key is in the settings: PortOne has to be asked what its payments look like."""
    channel = {"channel_key": TEST_CHANNEL}
    with override_settings(PORTONE={**settings.PORTONE, "CHANNELS": {"checkout": channel}}):
        yield


# ---- the answer is lost ----------------------------------------------------------------------------------------------


@everywhere
def test_after_a_lost_answer_the_sweep_settles_and_a_click_on_the_old_page_leads_there(
    site: Site, buyer: Buyer
) -> None:
    site.sandbox.settings.set(webhook_mode="off")
    order = site.order()
    buyer.visit(order)
    old_page = buyer.page
    buyer.page = buyer.context.new_page()
    buyer.visit(order)
    buyer.press()
    buyer.does("lose")
    buyer.window.get_by_test_id("lost").wait_for()
    buyer.page.close()
    order.refresh_from_db()
    assert (order.state, site.charged()) == ("open", [order.amount])
    assert reconcile(everything=True).changed == 1
    is_paid_once(site, order)
    buyer.page = old_page
    buyer.button().click()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert told(site, order) == ["paid"]


@everywhere
def test_a_click_before_anybody_knows_of_the_payment_finds_it_and_charges_nothing(site: Site, buyer: Buyer) -> None:
    site.sandbox.settings.set(webhook_mode="off")
    order = site.order()
    buyer.visit(order)
    old_page = buyer.page
    buyer.page = buyer.context.new_page()
    buyer.visit(order)
    buyer.press()
    buyer.does("lose")
    buyer.window.get_by_test_id("lost").wait_for()
    buyer.page.close()
    assert states(order) == ["pending"]
    buyer.page = old_page
    buyer.button().click()  # PortOne refuses to open a window for what is paid
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert states(order) == ["paid"]


def test_after_a_lost_answer_the_page_itself_finds_out(site: Site, buyer: Buyer) -> None:
    site.sandbox.settings.set(webhook_mode="off")
    order = site.order()
    buyer.page.clock.install()
    buyer.visit(order)
    buyer.press()
    buyer.page.clock.run_for(2000)
    buyer.loses_the_answer()
    buyer.page.clock.run_for(4000)
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


@pytest.mark.parametrize("buyer", ["phone"], indirect=True)
def test_a_phone_that_lost_its_way_back_pays_nothing_twice(site: Site, buyer: Buyer) -> None:
    site.sandbox.settings.set(webhook_mode="off")
    order = site.order()
    buyer.visit(order)
    buyer.press()
    buyer.loses_the_answer()
    buyer.returns_to_the_shop()
    reconcile(everything=True)
    buyer.button().click()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)
    assert told(site, order) == ["paid"]


# ---- PortOne is dead -------------------------------------------------------------------------------------------------


def test_without_portones_answer_at_the_start_the_buyer_reads_why_and_can_click_again(
    site: Site, buyer: Buyer, unconfigured_channel: None
) -> None:
    order = site.order()
    site.sandbox.faults.add("http_503", path="/users/pg", probability=1.0)
    buyer.visit(order)
    buyer.button().click()
    sync_api.expect(buyer.message()).to_have_text("지금은 결제할 수 없습니다. 결제된 금액은 없습니다.")
    sync_api.expect(buyer.button()).to_be_enabled()
    is_unpaid(site, order)
    assert buyer.takes_back("503") == 1
    site.sandbox.faults.clear()
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


def test_without_the_sdk_the_buyer_reads_so_and_can_click_again(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.context.route("**/v1/iamport.js", lambda route: route.abort())
    buyer.visit(order)
    buyer.button().click()
    sync_api.expect(buyer.message()).to_contain_text("결제창을 불러오지 못했습니다")
    sync_api.expect(buyer.button()).to_be_enabled()
    is_unpaid(site, order, "pending")
    assert buyer.takes_back("ERR_FAILED") >= 1
    buyer.context.unroute("**/v1/iamport.js")
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


@everywhere
def test_while_portone_is_silent_after_paying_the_page_waits_and_moves_on(site: Site, buyer: Buyer) -> None:
    site.sandbox.settings.set(webhook_mode="off")
    order = site.order()
    buyer.page.clock.install()
    buyer.visit(order)
    buyer.press()
    site.sandbox.faults.add("http_503", path="/payments/*", probability=1.0)
    buyer.pays_by_card()
    buyer.sees("결제를 확인하는 중입니다")
    assert (states(order), site.charged()) == (["pending"], [order.amount])
    site.sandbox.faults.clear()
    reconcile(everything=True)
    buyer.page.clock.fast_forward(5000)
    buyer.sees("결제가 완료되었습니다")
    is_paid_once(site, order)


# ---- somebody edits the amount ---------------------------------------------------------------------------------------


def test_an_edited_amount_does_not_open_the_window_because_the_real_one_is_registered(site: Site, buyer: Buyer) -> None:
    order = site.order()
    buyer.context.add_init_script(EDITS)
    buyer.visit(order)
    buyer.button().click()
    sync_api.expect(buyer.message()).to_have_attribute("data-kind", "error")
    sync_api.expect(buyer.message()).not_to_be_empty()
    sync_api.expect(buyer.button()).to_be_enabled()
    is_unpaid(site, order, "pending")


def test_an_edited_amount_that_was_paid_is_looked_at_and_settles_nothing(site: Site, buyer: Buyer) -> None:
    order = site.order()
    site.sandbox.faults.add("http_503", path="/payments/prepare")
    buyer.context.add_init_script(EDITS)
    buyer.visit(order)
    buyer.press()
    buyer.pays_by_card()
    buyer.sees("결제를 확인하고 있습니다")
    sync_api.expect(buyer.page.locator("main")).to_contain_text("두 번 결제되지 않습니다")
    order.refresh_from_db()
    assert (order.state, states(order), site.charged()) == ("open", ["quarantined"], [100])
    assert order.events.filter(kind="order.paid").count() == 0
