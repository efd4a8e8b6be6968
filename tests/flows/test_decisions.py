"""What an operator may decide about money that settled nothing, and that PortOne's record comes before their word."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from portone_django.clock import later
from portone_django.exceptions import CannotDecide, NotRefundable, RefundConflict
from portone_django.flows.breaks import difference
from portone_django.flows.decisions import decide, possible, refund_surplus
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import get_client
from portone_django.models import Event, Payment, Refund
from portone_django.refunds import RefundAccount
from tests.shop import Shop
from tests.wire import fresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_user("operator")


@pytest.fixture(autouse=True)
def nothing_by_itself(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "ON_DUPLICATE": "hold"}


def quarantined(shop: Shop, amount: int = 100) -> Payment:
    shop.sandbox.faults.add("http_503", path="/payments/prepare")
    started, imp_uid = shop.pay(shop.order(), amount=amount)
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert payment.state == "quarantined"
    return payment


def late(shop: Shop) -> Payment:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    order.cancel()
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.hold_reason) == ("paid", "late")
    return payment


def duplicate(shop: Shop) -> Payment:
    shop.sandbox.settings.set(webhook_mode="off")
    order = shop.order()
    first, imp_uid = shop.pay(order)
    Payment.objects.update(open_slot=None, state="expired")
    shop.paid(order)
    payment = shop.payment(first).sync()
    assert (payment.state, payment.hold_reason) == ("paid", "duplicate"), imp_uid
    return payment


def test_an_accepted_difference_pays_the_order_and_only_what_came_can_go_back(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    assert possible(payment) == ("accept", "refund", "no_money")
    decide(payment, "accept", reason="agreed by telephone", by=operator)
    payment = fresh(payment)
    assert (payment.state, payment.received_amount, payment.order.state) == ("paid", 100, "paid")
    assert shop.delivered(payment.order) == 1
    decided = Event.objects.get(kind="payment.decided")
    assert decided.data == {"decision": "accept", "reason": "agreed by telephone", "user": operator.pk}
    assert payment.refund(reason="x").amount == 100
    assert fresh(payment).order.state == "refunded"


def test_an_edited_payment_goes_back_whole(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    refund = decide(payment, "refund", reason="edited", by=operator)
    assert isinstance(refund, Refund)
    assert (refund.state, refund.amount, refund.requested_by, refund.source) == ("succeeded", 100, operator, "admin")
    payment = fresh(payment)
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == ("refunded", "open", 0)
    assert possible(payment) == ()


def test_money_that_is_none_of_ours_is_left_alone_and_not_quarantined_again(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    decide(payment, "no_money", reason="a test of the other shop", by=operator)
    for _ in range(3):
        payment = payment.sync()
    assert (payment.state, Refund.objects.count()) == ("failed", 0)
    assert fresh(payment).order.is_open


def test_a_quarantined_payment_cancelled_in_the_console_is_refunded(shop: Shop) -> None:
    payment = quarantined(shop)
    shop.sandbox.console_cancel(payment.imp_uid)
    payment = payment.sync()
    assert (payment.state, payment.cancel_amount) == ("refunded", 100)


def test_late_money_can_count_or_go_back(shop: Shop, operator: Any) -> None:
    payment = late(shop)
    assert possible(payment) == ("accept", "refund")
    decide(payment, "accept", reason="still in stock", by=operator)
    payment = fresh(payment)
    assert (payment.hold_reason, payment.order.state, shop.delivered(payment.order)) == ("", "paid", 1)

    other = late(shop)
    decide(other, "refund", reason="sold out", by=operator)
    other = fresh(other)
    assert (other.state, other.is_held, other.order.state) == ("refunded", False, "cancelled")


def test_a_second_payment_can_only_go_back(shop: Shop, operator: Any) -> None:
    payment = duplicate(shop)
    assert possible(payment) == ("refund",)
    with pytest.raises(CannotDecide, match="order paid"):
        decide(payment, "accept", reason="x", by=operator)
    decide(payment, "refund", reason="twice", by=operator)
    payment = fresh(payment)
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == ("refunded", "paid", 0)


def test_what_is_settled_leaves_nothing_to_decide(shop: Shop, operator: Any) -> None:
    payment = shop.paid()
    assert possible(payment) == ()
    for decision in ("accept", "refund", "no_money", "nonsense"):
        with pytest.raises(CannotDecide):
            decide(payment, decision, reason="x", by=operator)


def test_an_operators_word_alone_makes_no_money(shop: Shop, operator: Any) -> None:
    started = shop.click(shop.order())
    shop.window(started)
    Payment.objects.update(state="review", open_slot=None)
    payment = shop.payment(started)
    with pytest.raises(CannotDecide, match="shows no money"):
        decide(payment, "accept", reason="the customer says so", by=operator)
    shop.sandbox.faults.add("http_503", method="GET", times=10)
    with pytest.raises(CannotDecide, match="does not answer"):
        decide(payment, "accept", reason="the customer says so", by=operator)
    assert fresh(payment).order.state == "open"


def test_a_payment_in_review_is_accepted_by_what_portone_shows(shop: Shop, operator: Any) -> None:
    started, imp_uid = shop.pay(shop.order())
    Payment.objects.update(state="review", open_slot=None)
    payment = shop.payment(started)
    decide(payment, "accept", reason="seen in the console", by=operator)
    payment = fresh(payment)
    assert (payment.state, payment.imp_uid, payment.order.state) == ("paid", imp_uid, "paid")


def test_a_payment_of_another_order_cannot_be_accepted(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    shop.paid()
    other = Payment.objects.exclude(pk=payment.pk).get()
    imp_uid = payment.imp_uid
    Payment.objects.filter(pk=payment.pk).update(imp_uid=None)
    Payment.objects.filter(pk=other.pk).update(imp_uid=imp_uid)
    with pytest.raises(CannotDecide, match="another order"):
        decide(fresh(payment), "accept", reason="x", by=operator)


def test_what_portone_does_not_show_now_is_not_judged_to_be_none_of_ours(
    shop: Shop, operator: Any, settings: Any
) -> None:
    payment = quarantined(shop)
    settings.PORTONE = {**settings.PORTONE, "ON_MISMATCH": "refund"}
    shop.sandbox.faults.add("http_503", method="GET", times=10)
    with pytest.raises(CannotDecide, match="does not answer now"):
        decide(payment, "no_money", reason="none of ours", by=operator)
    assert fresh(payment).state == "quarantined"
    shop.sandbox.faults.clear()
    decide(payment, "no_money", reason="none of ours", by=operator)
    for _ in range(2):
        payment.sync()
        reconcile()
    assert (fresh(payment).state, shop.sandbox.payment(payment.imp_uid)["cancel_amount"]) == ("failed", 0)


def test_a_decision_needs_a_reason(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    with pytest.raises(ValueError, match="reason is empty"):
        decide(payment, "accept", reason="", by=operator)
    assert fresh(payment).state == "quarantined"


def test_money_taken_twice_under_one_uid_goes_back_and_leaves_the_payment_alone(shop: Shop, operator: Any) -> None:
    shop.sandbox.settings.set(duplicate_mode="none", webhook_mode="off")
    order = shop.order()
    one, two = shop.click(order), shop.click(order)
    a, b = shop.window(one), shop.window(two)
    for imp_uid in (a, b):
        shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    payment = shop.payment(one).sync()
    (second,) = payment.surplus
    refund = refund_surplus(payment, second, reason="taken twice", by=operator)
    assert (refund.state, refund.imp_uid, refund.amount) == ("succeeded", second, 12900)
    payment = fresh(payment)
    assert (payment.state, payment.surplus, payment.order.refunded_amount) == (
        "paid",
        {second: [12900, 12900, "card"]},
        0,
    )
    assert {shop.sandbox.payment(each)["cancel_amount"] for each in (a, b)} == {0, 12900}
    assert shop.delivered(order, "order_refunded") == 0


def test_late_money_of_a_virtual_account_needs_its_account(shop: Shop, operator: Any) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    order.cancel()
    shop.sandbox.deposit(imp_uid)
    payment = shop.payment(started).sync()
    assert payment.hold_reason == "late"
    account = RefundAccount(bank="088", number="56211105948400", holder="홍길동")
    refund = decide(payment, "refund", reason="too late", by=operator, account=account)
    assert isinstance(refund, Refund)
    assert refund.state == "succeeded"


@pytest.mark.parametrize("decision", ["accept", "no_money"])
def test_what_is_on_its_way_back_can_neither_count_nor_be_left_alone(shop: Shop, operator: Any, decision: str) -> None:
    payment = quarantined(shop)
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = decide(payment, "refund", reason="edited", by=operator)
    assert refund.state == "unknown"
    with pytest.raises(CannotDecide, match="on its way"):
        decide(payment, decision, reason="x", by=operator)
    assert (fresh(payment).state, shop.delivered(payment.order)) == ("quarantined", 0)
    for _ in range(2):
        shop.quiet()
        refund = refund.sync()
    assert (refund.state, fresh(payment).state) == ("succeeded", "refunded")


def in_review(shop: Shop) -> Payment:
    """Paid, but nobody could read it for a day; now PortOne can be read again."""
    started, _imp_uid = shop.pay(shop.order())
    Payment.objects.filter(merchant_uid=started["params"]["merchant_uid"]).update(state="review", open_slot=None)
    return shop.payment(started)


def test_money_that_became_readable_in_review_is_not_taken_for_a_second_payment(
    shop: Shop, operator: Any, settings: Any
) -> None:
    settings.PORTONE = {**settings.PORTONE, "ON_DUPLICATE": "refund"}
    payment = in_review(shop).sync()
    assert (payment.state, payment.surplus, payment.received_amount) == ("review", {}, 12900)
    assert not Refund.objects.exists()
    assert possible(fresh(payment)) == ("accept", "refund", "no_money")
    decide(payment, "accept", reason="seen in the console", by=operator)
    for _ in range(2):
        payment.sync()
    assert (fresh(payment).order.state, Refund.objects.count()) == ("paid", 0)


def test_money_in_review_can_go_back_when_another_attempt_paid_the_order(shop: Shop, operator: Any) -> None:
    payment = in_review(shop)
    shop.paid(payment.order)
    payment = fresh(payment).sync()
    assert possible(fresh(payment)) == ("refund", "no_money")
    decide(payment, "refund", reason="paid twice", by=operator)
    payment = fresh(payment)
    assert (payment.state, payment.order.state) == ("refunded", "paid")


def test_a_cancel_made_before_the_money_counted_is_told_when_it_does(shop: Shop, operator: Any) -> None:
    payment = quarantined(shop)
    shop.sandbox.console_cancel(payment.imp_uid, 30)
    decide(payment.sync(), "accept", reason="agreed", by=operator)
    payment = fresh(payment)
    assert (payment.order.state, payment.order.refunded_amount) == ("partially_refunded", 30)
    assert shop.delivered(payment.order, "order_refunded") == 1


def twice(shop: Shop, method: str = "card") -> tuple[Payment, str]:
    """Taken twice under one merchant_uid; the second record's imp_uid."""
    shop.sandbox.settings.set(duplicate_mode="none", webhook_mode="off")
    order = shop.order()
    one, two = shop.click(order), shop.click(order)
    a, b = shop.window(one), shop.window(two)
    shop.sandbox.approve(a, pay_method="card", card_code="366")
    payment = shop.payment(one).sync()
    if method == "vbank":
        shop.sandbox.issue_vbank(b, bank_code="088")
        shop.sandbox.deposit(b)
    else:
        shop.sandbox.approve(b, pay_method="card", card_code="366")
    return payment.sync(), b


def test_a_second_payment_into_a_virtual_account_goes_back_to_the_account_that_is_typed(
    shop: Shop, operator: Any
) -> None:
    payment, second = twice(shop, "vbank")
    assert (payment.surplus, payment.has_surplus) == ({second: [12900, 0, "vbank"]}, True)
    with pytest.raises(NotRefundable, match="bank account"):
        refund_surplus(payment, second, reason="twice", by=operator)
    account = RefundAccount(bank="088", number="56211105948400", holder="홍길동")
    assert refund_surplus(payment, second, reason="twice", by=operator, account=account).state == "succeeded"
    assert fresh(payment).has_surplus is False


def test_money_taken_twice_is_looked_at_daily_until_it_went_back(shop: Shop) -> None:
    payment, second = twice(shop)
    Payment.objects.update(
        created_at=payment.created_at - dt.timedelta(days=9), expires_at=payment.expires_at - dt.timedelta(days=9),
        next_check_at=later(-1),
    )  # fmt: skip
    shop.sandbox.console_cancel(second)
    reconcile()
    payment = fresh(payment)
    assert (payment.has_surplus, payment.surplus[second][1], payment.state) == (False, 12900, "paid")


def test_a_record_that_takes_a_payment_over_brings_its_own_sums(shop: Shop, operator: Any) -> None:
    shop.sandbox.settings.set(duplicate_mode="none", webhook_mode="off")
    shop.sandbox.faults.add("http_503", path="/payments/prepare")
    started, other = shop.pay(shop.order(), amount=20000)
    shop.sandbox.console_cancel(other, 15000)
    payment = shop.payment(started).sync()
    assert (payment.state, payment.cancel_amount) == ("quarantined", 15000)
    decide(payment, "no_money", reason="none of ours", by=operator)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    payment = payment.sync()
    assert (payment.state, payment.imp_uid, payment.cancel_amount) == ("paid", imp_uid, 0)
    assert payment.refund(reason="x").amount == 12900
    assert shop.sandbox.payment(other)["cancel_amount"] == 15000


def test_what_was_taken_twice_and_went_back_elsewhere_leaves_the_order_alone(shop: Shop, operator: Any) -> None:
    payment, second = twice(shop)
    elsewhere = {"refunded_on": dt.date(2026, 1, 1), "reason": "transfer", "by": operator, "imp_uid": second}
    payment.record_refund(amount=2900, reference="first", **elsewhere)
    assert (payment.surplus, payment.has_surplus) == ({second: [12900, 2900, "card"]}, True)
    with pytest.raises(ValueError, match="between 1 and what remains"):
        payment.record_refund(amount=10001, reference="too much", **elsewhere)
    with pytest.raises(NotRefundable, match="not a record of this payment"):
        payment.record_refund(amount=1, reference="x", **{**elsewhere, "imp_uid": "imp_1"})
    again = payment.record_refund(amount=2900, reference="first", **elsewhere)
    assert (again.imp_uid, again.amount, again.checksum) == (second, 2900, 12900)
    with pytest.raises(RefundConflict):
        payment.record_refund(amount=2900, reference="first", **{**elsewhere, "imp_uid": None})
    assert refund_surplus(payment, second, reason="the rest", by=operator).amount == 10000
    payment = fresh(payment).sync()
    assert (payment.surplus, payment.has_surplus) == ({second: [12900, 12900, "card"]}, False)
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == ("paid", "paid", 0)
    assert shop.delivered(payment.order, "order_refunded") == 0
    assert difference(payment, get_client().get_payment(second, include_sandbox=True)) is None
    assert shop.sandbox.payment(second)["cancel_amount"] == 10000


def test_what_went_back_elsewhere_and_in_the_console_is_told_once(shop: Shop, operator: Any) -> None:
    payment, second = twice(shop)
    elsewhere = {"refunded_on": dt.date(2026, 1, 1), "reason": "transfer", "by": operator, "imp_uid": second}
    payment.record_refund(amount=12900, reference="first", **elsewhere)
    shop.sandbox.console_cancel(second)
    for _ in range(2):
        payment = fresh(payment).sync()
    assert payment.surplus == {second: [12900, 25800, "card"]}
    told = Event.objects.get(kind="payment.over_refunded")
    assert told.data == {"received": 12900, "refunded": 25800}
    assert difference(payment, get_client().get_payment(second, include_sandbox=True)) == "over_refunded"
    assert (payment.state, payment.order.refunded_amount) == ("paid", 0)


def test_held_money_does_not_count_while_portone_is_silent(shop: Shop, operator: Any) -> None:
    payment = late(shop)
    shop.sandbox.faults.add("http_503", method="GET", times=10)
    with pytest.raises(CannotDecide, match="does not answer now"):
        decide(payment, "accept", reason="x", by=operator)
    assert fresh(payment).order.state == "cancelled"
