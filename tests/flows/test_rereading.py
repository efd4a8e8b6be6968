"""The rolling re-read: a hundred settled payments a call, daily and later weekly, and no refund elsewhere is missed."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portone_django.flows import ladder, rereading
from portone_django.flows.breaker import MAX_UNREACHABLE_IN_A_ROW, Breaker
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Payment, Refund
from tests.factories import paid_in_the_window, paid_payment
from tests.shop import Shop
from tests.wire import fresh, overhear

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the calls that left."""
    names: list[str] = []
    overhear(monkeypatch, lambda each: names.append(each.name))
    return names


def age(payments: list[Payment], days: float) -> None:
    """As if they had been made and paid so long ago; due now, in this order."""
    ago, now = dt.timedelta(days=days), timezone.now()
    for n, payment in enumerate(payments):
        Payment.objects.filter(pk=payment.pk).update(
            created_at=payment.created_at - ago,
            expires_at=payment.expires_at - ago,
            paid_at=payment.paid_at - ago if payment.paid_at else None,
            next_check_at=now - DAY + dt.timedelta(seconds=n),
        )


def settled(shop: Shop, count: int = 1, days: float = 3) -> list[Payment]:
    """Payments whose attempts are long over: all that can still happen to them is a refund."""
    shop.sandbox.settings.set(webhook_mode="off")
    payments = [paid_payment(shop.sandbox) for _ in range(count)]
    age(payments, days)
    return payments


def make_due() -> None:
    Payment.objects.exclude(next_check_at=None).update(next_check_at=timezone.now() - dt.timedelta(seconds=1))


def days_to_the_next(payment: Payment) -> float | None:
    due = fresh(payment).next_check_at
    return None if due is None else round((due - timezone.now()) / DAY, 1)


# When ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"), [(1.5, 1), (3, 1), (29, 1), (30.5, 7), (100, 7), (179, 7), (180.5, None), (2000, None)]
)
def test_it_is_daily_for_thirty_days_weekly_for_half_a_year_and_then_over(
    shop: Shop, asked: list[str], days: float, expected: float | None
) -> None:
    (payment,) = settled(shop, days=days)
    asked.clear()
    assert reconcile().reread == 1
    assert asked == ["get_payments"]
    assert days_to_the_next(payment) == expected


def test_an_attempt_that_may_still_have_an_open_window_is_looked_at_by_its_uid(shop: Shop, asked: list[str]) -> None:
    (payment,) = settled(shop, days=0.5)
    asked.clear()
    report = reconcile()
    assert (report.reread, report.checked, asked) == (0, 1, ["find_all_payments"])
    assert days_to_the_next(payment) < 1


def test_news_does_not_move_it_off_its_ladder(shop: Shop) -> None:
    old, older = settled(shop, days=100)[0], settled(shop, days=181)[0]
    for payment in (old, older):
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    assert reconcile().changed == 2
    assert (days_to_the_next(old), days_to_the_next(older)) == (7, None)


@pytest.mark.parametrize("days", [3, 100, 2000])
def test_held_money_stays_on_its_daily_single_look_for_as_long_as_it_is_held(
    shop: Shop, settings: Any, asked: list[str], days: float
) -> None:
    settings.PORTONE = {**settings.PORTONE, "ON_DUPLICATE": "hold"}
    (payment,) = settled(shop, days=days)
    Payment.objects.update(hold_reason="duplicate", paid_slot=None)
    asked.clear()
    report = reconcile()
    assert (report.reread, report.checked, asked) == (0, 1, ["find_all_payments"])
    assert 0 < (days_to_the_next(payment) or 0) <= 1
    shop.sandbox.console_cancel(payment.imp_uid)
    make_due()
    reconcile()
    assert (fresh(payment).state, fresh(payment).is_held) == ("refunded", False)


def test_quarantined_money_is_read_again_too(shop: Shop) -> None:
    shop.sandbox.settings.set(webhook_mode="off")
    payment = paid_in_the_window(shop.sandbox, edited=100).sync()
    age([payment], 3)
    shop.sandbox.console_cancel(payment.imp_uid)
    assert reconcile().reread == 1
    assert (fresh(payment).state, fresh(payment).cancel_amount) == ("refunded", 100)


# How many --------------------------------------------------------------------------------------------------------


def test_two_hundred_and_fifty_payments_are_three_calls(shop: Shop, asked: list[str]) -> None:
    payments = settled(shop, 250)
    for payment in (payments[0], payments[99], payments[100], payments[249]):
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    asked.clear()
    report = reconcile()
    assert (report.reread, report.changed, report.checked) == (250, 4, 0)
    assert asked == ["get_payments"] * 3
    assert Refund.objects.filter(source="console", state="succeeded", amount=2900).count() == 4
    assert not Payment.objects.filter(next_check_at__lte=timezone.now() + DAY / 2).exists()


# What it finds ---------------------------------------------------------------------------------------------------


def test_a_cancel_in_the_console_that_no_webhook_told_is_found(shop: Shop) -> None:
    (payment,) = settled(shop)
    entry = shop.sandbox.console_cancel(payment.imp_uid, 2900, "고객 요청")["cancel_history"][0]
    assert reconcile().changed == 1
    payment = fresh(payment)
    refund = Refund.objects.get()
    assert (refund.source, refund.state, refund.amount, refund.reason) == ("console", "succeeded", 2900, "고객 요청")
    assert refund.cancellation_id == entry["cancellation_id"]
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == (
        "partially_refunded", "partially_refunded", 2900,
    )  # fmt: skip
    assert shop.delivered(payment.order, "order_refunded") == 1
    shop.sandbox.console_cancel(payment.imp_uid)
    for _ in range(3):
        make_due()
        reconcile()
    payment = fresh(payment)
    assert (payment.state, payment.order.refunded_amount, Refund.objects.count()) == ("refunded", 12900, 2)
    assert shop.delivered(payment.order, "order_refunded") == 2


def test_nothing_new_changes_nothing_but_the_time_of_the_look(shop: Shop) -> None:
    (payment,) = settled(shop)
    before, events = Payment.objects.values().get(), Event.objects.count()
    report = reconcile()
    after = Payment.objects.values().get()
    assert (report.reread, report.changed) == (1, 0)
    assert {name for name in after if after[name] != before[name]} == {"checked_at", "next_check_at"}
    assert after["checked_at"] > payment.checked_at
    assert Event.objects.count() == events


@pytest.mark.parametrize("others", [0, 2])
def test_a_record_that_is_not_shown_changes_nothing_and_is_asked_about_in_its_turn(shop: Shop, others: int) -> None:
    """Whether a list hides test payments is documented nowhere."""
    missing, *shown = settled(shop, 1 + others)
    for payment in shown:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    with shop.sandbox.store.write() as ledger:
        ledger.execute("DELETE FROM payment WHERE imp_uid = ?", (missing.imp_uid,))
    before = Payment.objects.values().get(pk=missing.pk)
    report = reconcile()
    after = Payment.objects.values().get(pk=missing.pk)
    assert (report.reread, report.changed) == (1 + others, others)
    assert {name for name in after if after[name] != before[name]} == {"next_check_at"}
    assert days_to_the_next(missing) == 1


def test_a_record_of_another_uid_is_taken_by_nobody(shop: Shop) -> None:
    (payment,) = settled(shop)
    shop.sandbox.console_cancel(payment.imp_uid)
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["merchant_uid"] = "somebody-elses"
    shop.sandbox.payments.save(held, shop.sandbox.now())
    reconcile()
    assert (fresh(payment).state, fresh(payment).cancel_amount, Refund.objects.count()) == ("paid", 0, 0)


# What cannot stop it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["http_500", "http_403", "timeout_before", "truncated", "expired_token"])
def test_a_call_that_fails_stops_nothing_for_good(
    shop: Shop, fault: str, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    (payment,) = settled(shop)
    shop.sandbox.console_cancel(payment.imp_uid, 2900)
    order = shop.order()
    shop.pay(order)
    make_due()
    shop.sandbox.faults.add(fault, method="GET", path="/payments", times=99)
    report = reconcile()
    assert (report.reread, fresh(payment).state) == (1, "paid")
    assert shop.delivered(order) == 1, "the others are settled in the same sweep"
    assert not report.gave_up
    assert fresh(payment).next_check_at <= timezone.now() + dt.timedelta(seconds=120), "and it comes again soon"
    shop.sandbox.faults.clear()
    make_due()
    assert reconcile().changed == 1
    assert fresh(payment).cancel_amount == 2900


def test_a_payment_that_cannot_be_settled_keeps_no_other_from_being_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = settled(shop, 3)
    for payment in payments:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    apply_records = rereading.apply_records

    def poison(merchant_uid: str, *args: Any, **kwargs: Any) -> Any:
        if merchant_uid == payments[0].merchant_uid:
            raise ArithmeticError("poison")
        return apply_records(merchant_uid, *args, **kwargs)

    monkeypatch.setattr(rereading, "apply_records", poison)
    reconcile()
    assert [fresh(payment).cancel_amount for payment in payments] == [0, 2900, 2900]
    monkeypatch.undo()
    make_due()
    reconcile()
    assert fresh(payments[0]).cancel_amount == 2900


def test_a_record_that_cannot_be_read_hides_no_other(shop: Shop, asked: list[str]) -> None:
    payments = settled(shop, 8)
    for payment in payments:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    held = shop.sandbox.payments.get(payments[0].imp_uid)
    held.record["cancel_amount"] = "2900"
    shop.sandbox.payments.save(held, shop.sandbox.now())
    asked.clear()
    report = reconcile()
    assert asked == ["get_payments"] + ["find_all_payments"] * 8
    assert (report.changed, report.gave_up) == (7, False)
    assert [fresh(payment).cancel_amount for payment in payments] == [0] + [2900] * 7
    assert days_to_the_next(payments[0]) == 1


def test_answers_that_nobody_can_read_do_not_cost_a_call_for_each_payment(shop: Shop, asked: list[str]) -> None:
    payments = settled(shop, 20)
    shop.sandbox.faults.add("html_200", method="GET", times=99)
    asked.clear()
    reconcile()
    assert asked == ["get_payments"] + ["find_all_payments"] * MAX_UNREACHABLE_IN_A_ROW
    shop.sandbox.faults.clear()
    for payment in payments:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    make_due()
    assert reconcile().changed == 20


def test_the_sweep_that_stopped_goes_on_where_it_stopped(shop: Shop, asked: list[str]) -> None:
    settled(shop, 15)
    asked.clear()
    assert reconcile(limit=10).reread == 10
    assert reconcile(limit=10).reread == 5
    assert reconcile(limit=10).reread == 0
    assert asked == ["get_payments"] * 2


@pytest.mark.server
def test_several_sweeps_at_once_read_each_payment_once_and_import_each_cancel_once(
    shop: Shop, asked: list[str]
) -> None:
    payments = settled(shop, 120)
    for payment in payments[::3]:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    reports: list[Any] = []
    barrier = threading.Barrier(4)

    def sweep() -> None:
        barrier.wait(30)
        try:
            reports.append(reconcile())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 4
    assert (sum(each.reread for each in reports), sum(each.changed for each in reports)) == (120, 40)
    assert Refund.objects.filter(source="console", state="succeeded").count() == 40
    assert Event.objects.filter(kind="payment.refunded").count() == 40


@pytest.mark.server
def test_the_same_payments_in_two_sweeps_at_once_do_no_harm(shop: Shop) -> None:
    """As when the first one's lease is over, and it goes on all the same."""
    payments = settled(shop, 30)
    for payment in payments:
        shop.sandbox.console_cancel(payment.imp_uid, 2900)
    rows = list(Payment.objects.select_related("order"))
    barrier, problems = threading.Barrier(4), []

    def read_again() -> None:
        barrier.wait(30)
        try:
            rereading.reread(rows, Breaker())
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=read_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert (
        Refund.objects.filter(source="console", state="succeeded", amount=2900).count() == Refund.objects.count() == 30
    )
    assert Event.objects.filter(kind="payment.refunded").count() == 30


def test_one_call_takes_what_portone_takes() -> None:
    from portone_django.gateway.calls import MOST_IDS

    assert rereading.BATCH == MOST_IDS == 100
    assert (ladder.REREAD_DAILY, ladder.REREAD_WEEKLY) == (30 * DAY, 180 * DAY)
