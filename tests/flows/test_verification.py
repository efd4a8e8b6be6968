"""What PortOne recorded is compared with what was asked before anything is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client, override_settings

from portone_django.flows.verification import Outcome, sync_payment
from portone_django.gateway import InsideTransaction, get_client
from portone_django.models import Event, Payment
from tests.factories import PaymentFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def without_prepare(shop: Shop) -> None:
    """The registered amount would keep an edited window shut; it is best effort, so it may be missing."""
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)


def with_portone_settings(settings: Any, **changes: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, **changes}


def test_a_paid_record_that_matches_pays_the_order_and_tells_the_shop_once(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    answer = shop.callback(started, imp_uid)
    order.refresh_from_db()
    payment = shop.payment(started)
    assert (answer["state"], order.state, payment.state) == ("paid", "paid", "paid")
    assert payment.imp_uid == imp_uid
    assert payment.paid_slot == order.pk
    assert payment.open_slot is None
    assert shop.delivered(order) == 1


def test_an_edited_amount_pays_nothing(shop: Shop) -> None:
    order = shop.order(amount=10000)
    without_prepare(shop)
    started, imp_uid = shop.pay(order, amount=100)
    answer = shop.callback(started, imp_uid)
    order.refresh_from_db()
    payment = shop.payment(started)
    assert (answer["state"], order.state, payment.state) == ("checking", "open", "quarantined")
    assert "amount: 10000 → 100" in payment.quarantine_reason
    assert shop.delivered(order) == 0
    assert shop.delivered(order, "payment_quarantined") == 1


def test_the_amount_is_registered_before_the_window_opens(shop: Shop) -> None:
    started = shop.click(shop.order(amount=10000))
    prepared = shop.sandbox.prepared(started["params"]["merchant_uid"])
    assert (prepared["amount"], prepared["currency"]) == (10000, "KRW")


@pytest.mark.parametrize("currency", ["USD", "JPY", "VND"])
def test_the_same_number_in_another_currency_pays_nothing(shop: Shop, currency: str) -> None:
    order = shop.order()
    started = shop.click(order)
    shop.sandbox.faults.add("tampered", currency=currency)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    assert shop.payment(started).state == "quarantined"
    assert "currency" in shop.payment(started).quarantine_reason
    assert shop.delivered(order) == 0


LIVE = {
    "checkout": {
        "channel_key": "channel-key-22222222-2222-2222-2222-222222222222",
        "pg_provider": "html5_inicis",
        "pg_id": "MOIsandbox",
        "sandbox": False,
    }
}


def test_play_money_of_a_test_channel_pays_nothing_in_a_live_shop(shop: Shop, settings: Any) -> None:
    with_portone_settings(settings, CHANNELS=LIVE, ACCEPT_TEST_PAYMENTS=False)
    order = shop.order()
    test_channel = "channel-key-00000000-0000-0000-0000-000000000000"
    started, imp_uid = shop.pay(order, channelKey=test_channel)
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert payment.state == "quarantined"
    assert "sandbox" in payment.quarantine_reason
    assert "pg_id" in payment.quarantine_reason
    assert shop.delivered(order) == 0


def test_a_test_payment_on_the_right_mid_pays_nothing_in_a_live_shop(shop: Shop, settings: Any) -> None:
    with_portone_settings(settings, ACCEPT_TEST_PAYMENTS=False)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.callback(started, imp_uid)
    assert shop.payment(started).state == "quarantined"
    assert shop.delivered(order) == 0


def test_another_mid_of_the_same_account_pays_nothing(shop: Shop, settings: Any) -> None:
    channel = {**settings.PORTONE["CHANNELS"]["checkout"], "pg_id": "INIother00"}
    with_portone_settings(settings, CHANNELS={"checkout": channel})
    started, imp_uid = shop.pay(shop.order())
    shop.callback(started, imp_uid)
    assert shop.payment(started).quarantine_reason == "pg_id: INIother00 → INIpayTest"


def test_a_record_that_does_not_say_whether_it_is_a_test_pays_nothing(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    shop.sandbox.faults.add("no_sandbox_field", times=99)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    assert shop.payment(started).quarantine_reason == "sandbox: True → None"
    assert shop.delivered(order) == 0


def test_an_issued_virtual_account_is_not_money(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    answer = shop.callback(started, imp_uid, success=True, status="paid")
    order.refresh_from_db()
    payment = shop.payment(started)
    assert (answer["state"], order.state, payment.state) == ("awaiting_deposit", "awaiting_deposit", "awaiting_deposit")
    assert payment.vbank_num
    assert payment.vbank_expires_at is not None
    assert shop.delivered(order) == 0
    shop.sandbox.deposit(imp_uid)
    shop.callback(started, imp_uid)
    order.refresh_from_db()
    assert order.state == "paid"
    assert shop.delivered(order) == 1


def test_a_left_window_is_not_a_virtual_account(shop: Shop) -> None:
    started = shop.click(shop.order(), pay_method="vbank")
    imp_uid = shop.window(started)
    assert shop.callback(started, imp_uid)["state"] == "confirming"
    assert shop.payment(started).state == "pending"


def test_the_payment_of_one_order_does_not_pay_another_of_the_same_price(shop: Shop) -> None:
    paid, unpaid = shop.order(), shop.order()
    started_a, imp_uid = shop.pay(paid)
    started_b = shop.click(unpaid)
    answer = shop.callback(started_b, imp_uid)
    unpaid.refresh_from_db()
    assert (answer["status"], answer["state"], unpaid.state) == (200, "confirming", "open")
    assert shop.delivered(unpaid) == 0
    shop.callback(started_a, imp_uid)
    assert shop.delivered(paid) == 1


def test_an_imp_uid_that_belongs_to_another_attempt_is_quarantined(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    PaymentFactory(merchant_uid="tstranger", imp_uid=imp_uid, state="paid", open_slot=None)
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.imp_uid) == ("quarantined", None)
    assert shop.delivered(order) == 0


def test_nothing_of_a_strangers_payment_is_shown(shop: Shop) -> None:
    stranger = shop.order(name="비밀 상품", buyer_name="카나리아")
    _, imp_uid = shop.pay(stranger)
    started = shop.click(shop.order())
    answer = shop.callback(started, imp_uid)
    page = shop.come_back(started, imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"])
    shown = json.dumps(answer, ensure_ascii=False) + page.content.decode()
    for canary in ("비밀 상품", "카나리아", imp_uid, "buyer@example.com", "010-0000-0000"):
        assert canary not in shown


def test_what_the_browser_says_about_money_is_never_read(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    answer = shop.callback(started, imp_uid, success=True, imp_success=True, status="paid", paid_amount=12900)
    order.refresh_from_db()
    assert (answer["state"], order.state) == ("confirming", "open")


def test_hostile_custom_data_and_buyer_fields_decide_nothing(shop: Shop) -> None:
    order = shop.order()
    hostile = json.dumps({"order": 1, "user": "admin", "amount": 1})
    started, imp_uid = shop.pay(order, custom_data=hostile, name="<script>", buyer_name="admin")
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.name) == ("paid", order.name)
    assert "admin" not in json.dumps(list(Payment.objects.values()), default=str)


def test_a_record_older_than_its_attempt_is_quarantined(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    shop.sandbox.advance(-3600)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    assert shop.payment(started).quarantine_reason == "started_at: before this attempt existed"


def test_a_paid_record_among_thirty_others_is_found(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    shop.sandbox.faults.add("extra_records", count=29, status="failed")
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.imp_uid) == ("paid", imp_uid)
    assert shop.delivered(order) == 1


def test_a_paid_record_is_found_on_the_last_page_of_many(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    paid = shop.window(started)
    for _ in range(104):
        shop.sandbox.fail(shop.window(started), "사용자가 결제를 취소하셨습니다")
    shop.sandbox.approve(paid, pay_method="card", card_code="366")
    shop.callback(started, None)
    assert shop.payment(started).imp_uid == paid


def test_a_declined_card_fails_the_attempt_and_leaves_the_order_open(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366", card_number="9410-0000-0000-1216")
    answer = shop.callback(started, imp_uid, error_code="1216", error_msg="한도초과")
    order.refresh_from_db()
    assert (answer["state"], order.state) == ("failed", "open")
    assert "월 사용한도 초과" in shop.payment(started).fail_reason
    assert shop.delivered(order) == 0
    assert shop.click(order)["params"]["merchant_uid"] != started["params"]["merchant_uid"]


def test_a_failed_attempt_that_turns_out_paid_is_paid(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    shop.sandbox.faults.add("late_paid", seconds=5, answer="failed")
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    assert shop.callback(started, imp_uid)["state"] == "failed"
    shop.sandbox.advance(10)
    assert shop.callback(started, imp_uid)["state"] == "paid"
    assert shop.delivered(order) == 1


def test_a_payment_first_seen_when_cancelled_passes_through_paid_with_both_events(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.console_cancel(imp_uid)
    shop.callback(started, imp_uid)
    order.refresh_from_db()
    assert (order.state, order.refunded_amount, shop.payment(started).state) == ("refunded", 12900, "refunded")
    assert shop.delivered(order) == 1
    assert shop.delivered(order, "order_refunded") == 1


@pytest.mark.parametrize("status", ["paid", "cancelled"])
def test_a_partial_cancel_is_read_from_the_amount_never_from_the_status(shop: Shop, status: str) -> None:
    shop.sandbox.settings.set(partial_cancel_status=status)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.callback(started, imp_uid)
    shop.sandbox.console_cancel(imp_uid, 2900)
    shop.payment(started).sync()
    order.refresh_from_db()
    payment = shop.payment(started)
    assert (payment.state, payment.cancel_amount, order.state) == ("partially_refunded", 2900, "partially_refunded")
    shop.sandbox.console_cancel(imp_uid, 10000)
    payment.sync()
    order.refresh_from_db()
    assert (payment.state, order.state, order.refunded_amount) == ("refunded", "refunded", 12900)
    assert [each.source for each in payment.refunds.all()] == ["console", "console"]


FAULTS = [
    "timeout_before", "timeout_after", "refuse", "connect_timeout", "drop_before", "drop_after", "http_403", "http_429",
    "http_500", "http_502", "http_503", "http_504", "truncated", "malformed", "html_200", "empty_200", "duplicate_keys",
    "redirect",
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_gateway_in_trouble_proves_nothing_and_is_asked_again(shop: Shop, fault: str) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add(fault, path="/payments/*", times=50)
    answer = shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (answer["state"], payment.state) == ("confirming", "pending")
    assert payment.next_check_at is not None
    assert shop.delivered(order) == 0
    shop.sandbox.faults.clear()
    assert shop.callback(started, imp_uid)["state"] == "paid"
    assert shop.delivered(order) == 1


def test_the_list_may_hide_test_payments_and_the_single_look_up_finds_them(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add("http_404", path="/payments/findAll/*", times=50)
    assert shop.callback(started, imp_uid)["state"] == "paid"


def test_an_unknown_status_proves_nothing() -> None:
    """The client keeps a status it does not know; the join ignores it (tests/test_evidence.py)."""
    from portone_django.evidence import finding
    from tests.test_evidence import Record

    assert finding(Record("imp_1", "settling")) is None


def test_portone_is_never_called_inside_a_transaction(shop: Shop) -> None:
    from django.db import transaction

    started, _ = shop.pay(shop.order())
    payment = shop.payment(started)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        payment.sync()
    assert payment.sync().state == "paid"


def test_with_atomic_requests_the_doors_still_run_outside_a_transaction(shop: Shop, settings: Any) -> None:
    from django.db import connections

    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        order = shop.order()
        started, imp_uid = shop.pay(order)
        assert shop.callback(started, imp_uid)["state"] == "paid"
        assert shop.come_back(started, imp_uid=imp_uid).status_code == 200
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


def test_a_uid_that_is_not_ours_costs_no_call(shop: Shop) -> None:
    shop.sandbox.faults.add("http_500", times=1)
    assert sync_payment("t" + "a" * 24, source="test").outcome is Outcome.NOT_OURS
    assert sync_payment("other" + "a" * 24, source="test").outcome is Outcome.NOT_OURS
    assert shop.sandbox.faults.list()[0]["hits"] == 0


def test_an_accepted_record_keeps_no_buyer_and_no_card_number(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order(buyer_name="카나리아"))
    shop.callback(started, imp_uid)
    kept = json.dumps(list(Payment.objects.values()) + list(Event.objects.values()), default=str, ensure_ascii=False)
    for canary in ("카나리아", "buyer@example.com", "010-0000-0000", "*******"):
        assert canary not in kept


def test_the_client_is_the_sandboxs(shop: Shop) -> None:
    assert [each.pg_id for each in get_client().channels()][:2] == ["INIpayTest", "INIBillTst"]


@override_settings(DEBUG=False)
def test_a_bad_attempt_token_finds_nothing(shop: Shop) -> None:
    started = shop.click(shop.order())
    for path in (started["status_url"], started["result_url"]):
        bad = path[:-3] + ("xx/" if not path.endswith("xx/") else "yy/")
        assert Client().get(bad).status_code == 404
