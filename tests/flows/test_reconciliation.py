"""The sweep settles, expires and sends with nobody's help; an outage is no decline."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portone_django import clock, signals
from portone_django.flows.breaker import MAX_UNREACHABLE_IN_A_ROW
from portone_django.flows.reconciliation import count_due, reconcile
from portone_django.models import Event, Heartbeat, Order, Payment, Refund, WebhookDelivery
from tests.factories import PaymentFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def make_due() -> None:
    Payment.objects.exclude(next_check_at=None).update(next_check_at=timezone.now() - dt.timedelta(seconds=1))


def test_every_open_attempt_is_settled_without_a_webhook_and_without_a_redirect(shop: Shop) -> None:
    paid, declined, left = shop.order(), shop.order(), shop.order()
    shop.pay(paid)
    shop.sandbox.fail(shop.window(shop.click(declined)), "사용자가 결제를 취소하셨습니다")
    shop.window(shop.click(left))
    make_due()
    report = reconcile()
    assert (report.checked, report.changed) == (3, 2)
    states = [order.payments.get().state for order in (paid, declined, left)]
    assert states == ["paid", "failed", "pending"]
    assert shop.delivered(paid) == 1


def test_only_what_is_due_is_asked_about(shop: Shop) -> None:
    shop.pay(shop.order())
    assert count_due() == 0
    assert reconcile().checked == 0
    assert reconcile(everything=True).checked == 1


def test_an_attempt_nobody_finished_expires_and_frees_its_order(shop: Shop) -> None:
    order = shop.order(expires_at=timezone.now() + dt.timedelta(seconds=1))
    started = shop.click(order)
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    Order.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    make_due()
    report = reconcile()
    order.refresh_from_db()
    assert (shop.payment(started).state, order.state, report.orders_expired) == ("expired", "expired", 1)
    assert shop.delivered(order, "order_expired") == 1


def test_an_account_nobody_paid_into_expires_and_a_late_deposit_still_counts(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    shop.payment(started).sync()
    Payment.objects.update(vbank_expires_at=timezone.now() - dt.timedelta(minutes=1))
    make_due()
    reconcile()
    order.refresh_from_db()
    assert (shop.payment(started).state, order.state) == ("expired", "open")
    shop.sandbox.deposit(imp_uid)
    make_due()
    reconcile()
    order.refresh_from_db()
    assert (order.state, shop.delivered(order)) == ("paid", 1)


def test_a_dead_gateway_ends_the_sweep_and_declines_nobody(shop: Shop) -> None:
    for _ in range(MAX_UNREACHABLE_IN_A_ROW + 3):
        shop.pay(shop.order())
    shop.sandbox.faults.add("http_502", path="/payments/findAll/*", times=999)
    make_due()
    report = reconcile()
    assert report.gave_up
    assert report.unreachable == MAX_UNREACHABLE_IN_A_ROW
    assert set(Payment.objects.values_list("state", flat=True)) == {"pending"}
    assert not Heartbeat.objects.exists(), "a sweep that gave up must not look alive"


def test_a_dead_gateway_ends_the_following_up_of_webhooks_too(shop: Shop) -> None:
    for _ in range(MAX_UNREACHABLE_IN_A_ROW + 3):
        started, imp_uid = shop.pay(shop.order())
        shop.webhook(merchant_uid=started["params"]["merchant_uid"], imp_uid=imp_uid, status="paid")
    shop.sandbox.faults.add("http_502", path="/payments/findAll/*", times=999)
    make_due()
    report = reconcile()
    assert (report.webhooks, report.checked, report.gave_up) == (0, 0, True)
    shop.sandbox.faults.clear()
    WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    assert reconcile().webhooks == MAX_UNREACHABLE_IN_A_ROW + 3


def test_after_an_outage_the_next_sweep_settles_what_waited(shop: Shop) -> None:
    orders = [shop.order() for _ in range(5)]
    for order in orders:
        shop.pay(order)
    shop.sandbox.faults.add("http_502", path="/payments/findAll/*", times=999)
    make_due()
    reconcile()
    shop.sandbox.faults.clear()
    make_due()
    assert reconcile().changed == 5
    assert all(shop.delivered(order) == 1 for order in orders)
    assert Heartbeat.objects.filter(name="reconcile").exists()


def test_one_poisoned_row_does_not_stop_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from portone_django.flows import verification

    poisoned = PaymentFactory(next_check_at=timezone.now() - dt.timedelta(hours=1))
    order = shop.order()
    shop.pay(order)
    make_due()
    apply_records = verification.apply_records

    def poison(merchant_uid: str, *args: Any, **kwargs: Any) -> Any:
        if merchant_uid == poisoned.merchant_uid:
            raise ArithmeticError("poison")
        return apply_records(merchant_uid, *args, **kwargs)

    monkeypatch.setattr(verification, "apply_records", poison)
    reconcile()
    assert shop.delivered(order) == 1
    poisoned.refresh_from_db()
    assert poisoned.next_check_at > timezone.now(), "it moved to the end of the queue"


def test_events_left_behind_by_a_kill_are_sent_once_they_are_old_enough(shop: Shop) -> None:
    order = shop.order()
    started, _ = shop.pay(order)
    shop.payment(started).sync()
    Event.objects.filter(kind="order.paid").update(dispatched_at=None)
    assert reconcile().events == 0
    Event.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2))
    assert reconcile().events == 1
    assert shop.delivered(order) == 2, "at least once: the same event_id again"


def test_an_event_whose_receiver_always_raises_is_parked_and_stays_visible(shop: Shop) -> None:
    def broken(**kwargs: Any) -> None:
        raise RuntimeError("the shop's own fault")

    signals.order_cancelled.connect(broken)
    try:
        order = shop.order()
        order.cancel()
        Event.objects.update(created_at=timezone.now() - dt.timedelta(days=30))
        for _ in range(12):
            reconcile()
    finally:
        signals.order_cancelled.disconnect(broken)
    event = Event.objects.get(kind="order.cancelled")
    assert (event.dispatched_at, event.dispatch_attempts, event.is_parked) == (None, 10, True)
    assert [each.pk for each in Event.objects.is_parked()] == [event.pk]


def test_the_same_fact_always_carries_the_same_event_id(shop: Shop) -> None:
    seen: list[Any] = []

    def receiver(*, event_id: Any, **kwargs: Any) -> None:
        seen.append(event_id)
        if len(seen) == 1:
            raise RuntimeError("once")

    signals.order_cancelled.connect(receiver)
    try:
        shop.order().cancel()
        Event.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2))
        reconcile()
    finally:
        signals.order_cancelled.disconnect(receiver)
    assert len(seen) == 2
    assert len(set(seen)) == 1


def test_a_moved_clock_expires_and_real_time_still_drives_the_ladder(shop: Shop, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "MOVABLE_CLOCK": True}
    clock._forget_offset()
    started = shop.click(shop.order())
    clock.move(dt.timedelta(hours=2))
    assert reconcile().checked == 0
    make_due()
    reconcile()
    assert shop.payment(started).state == "expired"
    clock._forget_offset()


@pytest.mark.postgresql
def test_eight_sweeps_at_once_ask_about_each_attempt_once(shop: Shop) -> None:
    orders = [shop.order() for _ in range(40)]
    for order in orders:
        shop.pay(order)
    make_due()
    reports: list[Any] = []
    barrier = threading.Barrier(8)

    def sweep() -> None:
        barrier.wait()
        reports.append(reconcile())
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.checked for report in reports) == 40
    assert all(shop.delivered(order) == 1 for order in orders)


def _pay(shop: Shop) -> tuple[Order, str, int]:
    order = shop.order()
    shop.pay(order)
    return order, "paid", 1


def _be_declined_then_pay(shop: Shop) -> tuple[Order, str, int]:
    order = shop.order()
    imp_uid = shop.window(shop.click(order))
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366", card_number="9410-0000-0000-1216")
    make_due()
    reconcile()
    shop.pay(order)
    return order, "paid", 1


def _take_an_account_and_deposit(shop: Shop) -> tuple[Order, str, int]:
    order = shop.order()
    imp_uid = shop.window(shop.click(order, pay_method="vbank"))
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    make_due()
    reconcile()
    order.refresh_from_db()
    assert order.state == "awaiting_deposit"
    shop.sandbox.deposit(imp_uid)
    return order, "paid", 1


def _edit_the_amount(shop: Shop) -> tuple[Order, str, int]:
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)
    order = shop.order()
    shop.pay(order, amount=100)
    return order, "open", 0


@pytest.mark.parametrize("journey", [_pay, _be_declined_then_pay, _take_an_account_and_deposit, _edit_the_amount])
def test_every_journey_of_the_tour_converges_with_every_webhook_dropped(shop: Shop, journey: Any) -> None:
    """And with every callback and redirect lost: the sweep alone is enough."""
    shop.sandbox.settings.set(webhook_mode="off")
    order, state, delivered = journey(shop)
    make_due()
    reconcile()
    order.refresh_from_db()
    assert (order.state, shop.delivered(order)) == (state, delivered)
    assert {each["state"] for each in shop.sandbox.webhooks.log()} <= {"off"}


def test_a_sweep_that_is_to_stop_stops_between_two_refunds(shop: Shop) -> None:
    for payment in [shop.paid() for _ in range(3)]:
        shop.sandbox.faults.add("http_503", method="GET", times=9)
        assert payment.refund(amount=900, reason="x").state == "reserved"
        shop.sandbox.faults.clear()
    shop.quiet()

    class Stopped(Exception):
        pass

    def stop(report: Any) -> None:
        if report.refunds:
            raise Stopped

    with pytest.raises(Stopped):
        reconcile(progress=stop)
    assert Refund.objects.filter(state="succeeded").count() == 1
    assert reconcile().refunds == 2
