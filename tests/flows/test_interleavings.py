"""Several windows, accounts and attempts of one order, in unlucky orders: nothing raises, nothing is lost or hidden."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django import clock
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Payment, WebhookDelivery
from tests.factories import PaymentFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

CARD = {"pay_method": "card", "card_code": "366"}


def account(shop: Shop, order: Any, **edited: Any) -> tuple[dict[str, Any], str]:
    """Take a virtual account and let us know of it."""
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started, **edited)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    shop.payment(started).sync()
    return started, imp_uid


def sweep() -> None:
    Payment.objects.filter(next_check_at__isnull=False).update(next_check_at=clock.later(-1))
    reconcile()


def test_a_given_up_account_can_be_looked_at_again_and_again(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    order = shop.order()
    given_up, waiting = account(shop, order)
    card = shop.click(order, another=True)
    imp_uid = shop.window(card)
    shop.sandbox.approve(imp_uid, **CARD)
    shop.callback(card, imp_uid)
    for _ in range(3):
        sweep()
    assert "could not be settled" not in caplog.text
    assert shop.callback(given_up, waiting)["state"] == "paid", "the order is paid, by the card"
    assert shop.delivered(order) == 1


def test_a_given_up_account_stays_given_up_while_the_order_is_open(shop: Shop) -> None:
    order = shop.order()
    given_up, waiting = account(shop, order)
    card = shop.click(order, another=True)
    shop.sandbox.fail(shop.window(card), "사용자가 결제를 취소하셨습니다")
    shop.payment(card).sync()
    assert shop.callback(given_up, waiting)["status"] == 200
    assert shop.payment(given_up).state == "expired"


def test_a_lapsed_account_that_portone_still_calls_ready_stays_lapsed(shop: Shop) -> None:
    started, _ = account(shop, shop.order())
    Payment.objects.update(vbank_expires_at=timezone.now() - dt.timedelta(minutes=1))
    states = [shop.payment(started).sync().state for _ in range(3)]
    assert states == ["expired"] * 3


@pytest.mark.parametrize("told_by", ["callback", "sweep"])
def test_a_second_payment_under_the_same_uid_is_seen(shop: Shop, told_by: str) -> None:
    shop.sandbox.settings.set(duplicate_mode="none", webhook_mode="off")
    order = shop.order()
    one, two = shop.click(order), shop.click(order)
    a, b = shop.window(one), shop.window(two)
    shop.sandbox.approve(a, **CARD)
    shop.callback(one, a)
    shop.sandbox.approve(b, **CARD)
    if told_by == "callback":
        shop.callback(two, b)
    else:
        sweep()
    assert Event.objects.get(kind="payment.surplus").data["imp_uid"] == b
    assert shop.delivered(order) == 1
    assert shop.delivered(order, "payment_held") == 1


def test_an_edited_account_does_not_hide_the_right_payment_beside_it(shop: Shop) -> None:
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)
    order = shop.order()
    started = shop.click(order)
    edited, right = shop.window(started, amount=1000, pay_method="vbank"), shop.window(started)
    shop.sandbox.issue_vbank(edited, bank_code="088")
    shop.payment(started).sync()
    assert Event.objects.filter(kind="payment.account_differs").count() == 1
    shop.sandbox.approve(right, **CARD)
    assert shop.callback(started, right)["state"] == "paid"
    assert shop.delivered(order) == 1


def test_a_deposit_into_an_edited_account_is_quarantined_when_it_arrives(shop: Shop) -> None:
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)
    order = shop.order()
    started, waiting = account(shop, order, amount=1000)
    assert shop.payment(started).state == "pending"
    shop.sandbox.deposit(waiting)
    sweep()
    assert shop.payment(started).state == "quarantined"
    assert shop.delivered(order) == 0


def test_money_beside_a_quarantined_payment_is_seen(shop: Shop) -> None:
    shop.sandbox.settings.set(duplicate_mode="none")
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)
    order = shop.order()
    started = shop.click(order)
    edited, right = shop.window(started, amount=1000), shop.window(started)
    shop.sandbox.approve(edited, **CARD)
    shop.callback(started, edited)
    shop.sandbox.approve(right, **CARD)
    sweep()
    assert Event.objects.get(kind="payment.surplus").data["imp_uid"] == right


def unreadable(shop: Shop, merchant_uid: str) -> None:
    shop.sandbox.faults.add("duplicate_keys", path=f"/payments/findAll/{merchant_uid}*", times=10**6)


def test_unreadable_answers_stop_nobody_else(shop: Shop) -> None:
    bad = []
    for _ in range(6):
        started, _ = shop.pay(shop.order())
        bad.append(started["params"]["merchant_uid"])
        unreadable(shop, bad[-1])
    good = shop.order()
    shop.pay(good)
    for uid in bad:
        shop.webhook(merchant_uid=uid, imp_uid="imp_1", status="paid")
    sweep()
    assert shop.delivered(good) == 1


def test_an_answer_that_stays_unreadable_ends_with_a_person_and_frees_the_order(shop: Shop) -> None:
    order = shop.order()
    started, _ = shop.pay(order)
    unreadable(shop, started["params"]["merchant_uid"])
    assert shop.payment(started).sync().state == "pending"
    long_ago = timezone.now() - dt.timedelta(days=3)
    Payment.objects.update(created_at=long_ago, expires_at=long_ago + dt.timedelta(minutes=30))
    payment = shop.payment(started).sync()
    assert (payment.state, payment.open_slot, payment.next_check_at) == ("review", None, None)
    assert Event.objects.filter(kind="payment.review").exists()
    page = Client().get(started["result_url"])
    assert page.templates[0].name == "portone/result_checking.html"


def test_held_money_blocks_an_attempt_that_is_already_open(shop: Shop) -> None:
    order = shop.order(amount=10000)
    old = shop.click(order)
    window = shop.window(old)
    order.change(amount=12000)
    new = shop.click(order)
    assert new["params"]["amount"] == 12000
    shop.sandbox.approve(window, **CARD)
    shop.callback(old, window)
    assert shop.click(order)["action"] == "redirect"


def test_held_money_that_was_sent_back_in_the_console_frees_the_order(shop: Shop) -> None:
    order = shop.order(amount=10000)
    started = shop.click(order)
    window = shop.window(started)
    order.change(amount=12000)
    shop.sandbox.approve(window, **CARD)
    shop.callback(started, window)
    assert shop.payment(started).is_held
    assert shop.payment(started).next_check_at is not None
    shop.sandbox.console_cancel(window)
    assert shop.click(order)["action"] == "open"


def test_nobody_is_asked_to_deposit_for_a_paid_order(shop: Shop) -> None:
    order = shop.order()
    old = shop.click(order)
    old_window = shop.window(old, pay_method="vbank")
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    card, imp_uid = shop.pay(order)
    shop.callback(card, imp_uid)
    shop.sandbox.issue_vbank(old_window, bank_code="088")
    assert shop.callback(old, old_window)["state"] == "paid"
    assert shop.delivered(order, "payment_awaiting_deposit") == 0


def test_nobody_is_asked_to_deposit_for_a_cancelled_order(shop: Shop) -> None:
    order = shop.order()
    started, _ = account(shop, order)
    order.cancel()
    page = Client().get(started["result_url"])
    assert page.templates[0].name == "portone/result_expired.html"


def test_an_account_for_the_old_amount_does_not_keep_the_new_amount_from_being_paid(shop: Shop) -> None:
    order = shop.order(amount=10000)
    old = shop.click(order)
    window = shop.window(old, pay_method="vbank")
    order.change(amount=12000)
    shop.sandbox.issue_vbank(window, bank_code="088")
    shop.payment(old).sync()
    assert shop.click(order)["params"]["amount"] == 12000


def test_a_new_name_is_sold_under_its_new_name(shop: Shop) -> None:
    order = shop.order()
    shop.click(order)
    order.change(name="디카페인 원두 500g")
    assert shop.click(order)["params"]["name"] == "디카페인 원두 500g"


def test_a_change_of_tax_alone_holds_the_money_of_the_old_window(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    window = shop.window(started)
    order.change(tax_free_amount=12900)
    shop.sandbox.approve(window, **CARD)
    shop.callback(started, window)
    assert shop.payment(started).hold_reason == "order_changed"


def test_events_in_back_off_do_not_keep_fresh_ones_waiting(shop: Shop) -> None:
    order = shop.order()
    Event.objects.bulk_create([Event(kind="order.cancelled", order=order, dispatch_attempts=9) for _ in range(600)])
    Event.objects.update(created_at=timezone.now() - dt.timedelta(hours=13))
    fresh = Event.objects.create(kind="order.paid", order=order, dispatch_attempts=1)
    Event.objects.filter(pk=fresh.pk).update(created_at=timezone.now() - dt.timedelta(minutes=2))
    reconcile()
    assert shop.delivered(order) == 1


def test_of_two_payments_first_seen_together_the_one_that_still_holds_money_counts(shop: Shop) -> None:
    shop.sandbox.settings.set(duplicate_mode="none")
    order = shop.order()
    started = shop.click(order)
    kept, sent_back = shop.window(started), shop.window(started)
    shop.sandbox.approve(kept, **CARD)
    shop.sandbox.advance(5)
    shop.sandbox.approve(sent_back, **CARD)
    shop.sandbox.console_cancel(sent_back)
    shop.callback(started, sent_back)
    order.refresh_from_db()
    assert (order.state, shop.payment(started).imp_uid) == ("paid", kept)


def test_a_repeat_that_arrives_during_its_own_answer_is_followed_up(shop: Shop, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    started, imp_uid = shop.pay(shop.order())
    body = {"merchant_uid": started["params"]["merchant_uid"], "imp_uid": imp_uid, "status": "cancelled"}
    from portone_django.flows import webhooks

    sync = webhooks.sync_payment

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        WebhookDelivery.objects.update(count=2, last_seen_at=clock.Tick())
        return sync(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "sync_payment", meanwhile)
        shop.webhook(**body)
    assert WebhookDelivery.objects.get().due_at is not None


def test_an_account_without_a_deadline_is_asked_about_as_long_as_it_may_be_paid(shop: Shop) -> None:
    payment = PaymentFactory(state="expired", open_slot=None, vbank_expires_at=timezone.now() + dt.timedelta(days=20))
    Payment.objects.update(
        created_at=timezone.now() - dt.timedelta(days=10), expires_at=timezone.now() - dt.timedelta(days=9)
    )
    payment.refresh_from_db()
    assert payment.sync().next_check_at is not None


def test_a_flood_of_returns_without_a_token_asks_portone_once(shop: Shop) -> None:
    started = shop.click(shop.order())
    shop.sandbox.faults.add("latency", path="/payments/findAll/*", times=999, seconds=0)
    for _ in range(30):
        Client().get(reverse("portone:return"), {"merchant_uid": started["params"]["merchant_uid"]})
    assert shop.sandbox.faults.list()[-1]["hits"] == 1


def test_two_references_that_a_database_takes_for_one_are_never_one_sale(shop: Shop) -> None:
    """MariaDB ignores case and trailing spaces; the other databases make two orders."""
    from portone_django.exceptions import OrderConflict

    first = shop.order(reference="cart-aB3")
    try:
        second = shop.order(reference="cart-Ab3")
    except OrderConflict:
        return
    assert first.pk != second.pk
