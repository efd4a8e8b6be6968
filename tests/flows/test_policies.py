"""Money that settles nothing goes back by itself where the settings say so, if it is ours, and a few times an hour."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portone_django.flows import settlement
from portone_django.flows.bills import refund_whole
from portone_django.flows.policies import MOST_IN_AN_HOUR
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Order, Payment, Refund
from tests.factories import PaymentFactory, paid_in_the_window
from tests.members import Members
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING_GOES_BACK = {"ON_DUPLICATE": "refund", "ON_MISMATCH": "refund", "LATE_PAYMENT": "refund"}
LONG_AGO = dt.timedelta(days=1)


def choose(settings: Any, **policies: str) -> None:
    settings.PORTONE = {**settings.PORTONE, **policies}


def approve(shop: Shop, imp_uid: str) -> None:
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")


def expire(shop: Shop, started: dict[str, Any]) -> None:
    """The time to pay runs out, with the window still open somewhere."""
    Payment.objects.filter(pk=shop.payment(started).pk).update(expires_at=timezone.now() - LONG_AGO)
    assert shop.payment(started).sync().state == "expired"


def paid_twice(shop: Shop) -> tuple[Order, Payment]:
    """An order that was paid, and its older attempt, whose window was paid as well; nobody has told us of that one."""
    order = shop.order()
    started = shop.click(order)
    window = shop.window(started)
    expire(shop, started)
    shop.paid(order)
    approve(shop, window)
    return order, shop.payment(started)


def paid_too_late(shop: Shop, *, by_hand: bool = False) -> tuple[Order, Payment]:
    """An order that was given up or lapsed, and was paid afterwards."""
    order = shop.order(expires_at=timezone.now() + LONG_AGO)
    started = shop.click(order)
    window = shop.window(started)
    expire(shop, started)
    if by_hand:
        order.cancel(reason="변심")
    else:
        Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - LONG_AGO)
        assert reconcile().orders_expired == 1
    approve(shop, window)
    return order, shop.payment(started)


def edited(shop: Shop, amount: int = 100) -> tuple[Order, Payment]:
    """The amount was edited in the browser, and PortOne had not been told the right one."""
    payment = paid_in_the_window(shop.sandbox, edited=amount)
    return payment.order, payment


def swept(order: Order, payment: Payment) -> None:
    """Everything that the app does by itself, more than once."""
    for _ in range(3):
        payment.sync()
        reconcile()
    order.refresh_from_db()


def back(shop: Shop, imp_uid: str | None) -> list[int]:
    return [entry["amount"] for entry in shop.sandbox.payment(imp_uid)["cancel_history"]]


def count(kind: str, **filters: Any) -> int:
    return Event.objects.filter(kind=kind, **filters).count()


# The same order paid twice ---------------------------------------------------------------------------------------


def test_a_second_payment_of_an_order_goes_back_once_by_the_sweep(shop: Shop) -> None:
    order, payment = paid_twice(shop)
    payment.sync()
    assert (payment.state, payment.hold_reason, payment.is_held) == ("paid", "duplicate", True)
    assert back(shop, payment.imp_uid) == [], "reserved with the settlement, sent by the sweep"
    swept(order, payment)
    refund = Refund.objects.get()
    assert (refund.source, refund.state, refund.amount, refund.reason) == ("policy", "succeeded", 12900, "ON_DUPLICATE")
    assert (payment.state, payment.is_held, payment.cancel_amount) == ("refunded", False, 12900)
    assert back(shop, payment.imp_uid) == [12900]
    assert (shop.delivered(order, "payment_held"), shop.delivered(order, "payment_refunded")) == (1, 1)


def test_the_payment_that_settled_the_order_is_left_alone(shop: Shop) -> None:
    order, payment = paid_twice(shop)
    swept(order, payment)
    settled = Payment.objects.get(paid_slot=order.pk)
    assert (settled.state, settled.cancel_amount, back(shop, settled.imp_uid)) == ("paid", 0, [])
    assert (order.state, order.refunded_amount) == ("paid", 0)
    assert (shop.delivered(order), shop.delivered(order, "order_refunded")) == (1, 0)


def test_a_second_payment_is_held_where_the_settings_say_so(shop: Shop, settings: Any) -> None:
    choose(settings, ON_DUPLICATE="hold")
    order, payment = paid_twice(shop)
    swept(order, payment)
    assert (payment.state, payment.is_held, back(shop, payment.imp_uid)) == ("paid", True, [])
    assert not Refund.objects.exists()
    assert shop.delivered(order, "payment_held") == 1


def test_a_second_payment_into_a_virtual_account_waits_for_somebody_who_knows_where_to_send_it(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    account = shop.window(started)
    shop.sandbox.issue_vbank(account, bank_code="088")
    shop.payment(started).sync()
    again = shop.click(order, another=True)
    approve(shop, shop.window(again))
    assert shop.payment(again).sync().state == "paid"
    shop.sandbox.deposit(account)
    payment = shop.payment(started)
    swept(order, payment)
    assert (payment.state, payment.hold_reason, payment.is_held) == ("paid", "duplicate", True)
    assert not Refund.objects.exists()
    assert back(shop, account) == []
    assert count("refund.needs_account", payment=payment) == 1


@pytest.mark.parametrize(("policy", "taken"), [("refund", [12900]), ("hold", [])])
def test_a_second_record_under_the_same_uid_is_treated_as_a_second_payment(
    shop: Shop, settings: Any, policy: str, taken: list[int]
) -> None:
    choose(settings, ON_DUPLICATE=policy)
    shop.sandbox.settings.set(duplicate_mode="none")
    order = shop.order()
    started = shop.click(order)
    windows = [shop.window(started), shop.window(started)]
    for window in windows:
        approve(shop, window)
    payment = shop.payment(started)
    swept(order, payment)
    (surplus,) = set(windows) - {payment.imp_uid}
    assert payment.surplus == {surplus: [12900, sum(taken), "card"]}
    assert (back(shop, surplus), back(shop, payment.imp_uid)) == (taken, [])
    assert (payment.state, payment.cancel_amount, order.state, order.refunded_amount) == ("paid", 0, "paid", 0)
    assert (shop.delivered(order), count("payment.surplus")) == (1, 1)
    assert count("payment.refunded") == len(taken)
    assert count("order.refunded") == 0


# Money that came too late ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [False, True], ids=["expired", "cancelled"])
@pytest.mark.parametrize(
    ("policy", "order_state", "payment_state", "is_held", "taken"),
    [("accept", "paid", "paid", False, []), ("hold", "", "paid", True, []), ("refund", "", "refunded", False, [12900])],
    ids=["accept", "hold", "refund"],
)
def test_late_money_counts_waits_or_goes_back_as_the_settings_say(
    shop: Shop, settings: Any, by_hand: bool, policy: str, order_state: str, payment_state: str, is_held: bool,
    taken: list[int],
) -> None:  # fmt: skip
    choose(settings, LATE_PAYMENT=policy)
    order, payment = paid_too_late(shop, by_hand=by_hand)
    swept(order, payment)
    ended = "cancelled" if by_hand else "expired"
    assert (order.state, payment.state, payment.is_held) == (order_state or ended, payment_state, is_held)
    assert back(shop, payment.imp_uid) == taken
    assert shop.delivered(order) == (policy == "accept")
    assert shop.delivered(order, "payment_held") == (policy != "accept")
    assert shop.delivered(order, "payment_refunded") == len(taken)


def test_late_money_is_held_when_the_settings_say_nothing(shop: Shop) -> None:
    order, payment = paid_too_late(shop)
    swept(order, payment)
    assert (order.state, payment.is_held, Refund.objects.count()) == ("expired", True, 0)


# Money that differs ----------------------------------------------------------------------------------------------


def test_an_edited_amount_is_held_when_the_settings_say_nothing(shop: Shop) -> None:
    order, payment = edited(shop)
    swept(order, payment)
    assert (payment.state, back(shop, payment.imp_uid)) == ("quarantined", [])
    assert not Refund.objects.exists()


def test_an_edited_amount_goes_back_as_it_came_where_the_settings_say_so(shop: Shop, settings: Any) -> None:
    choose(settings, ON_MISMATCH="refund")
    order, payment = edited(shop, 100)
    swept(order, payment)
    assert (payment.state, payment.received_amount, back(shop, payment.imp_uid)) == ("refunded", 100, [100])
    assert (order.state, order.refunded_amount, shop.delivered(order)) == ("open", 0, 0)
    assert shop.delivered(order, "payment_refunded") == 1


def test_the_money_of_a_changed_cart_follows_the_same_setting(shop: Shop, settings: Any) -> None:
    choose(settings, ON_MISMATCH="refund")
    order = shop.order()
    started = shop.click(order)
    window = shop.window(started)
    order.change(amount=15000)
    approve(shop, window)
    payment = shop.payment(started)
    swept(order, payment)
    assert (payment.hold_reason, payment.state, order.state) == ("order_changed", "refunded", "open")
    assert back(shop, payment.imp_uid) == [12900]


def test_every_part_that_was_stated_goes_back_with_the_whole(shop: Shop) -> None:
    order = shop.order(tax_free_amount=2900, vat_amount=909)
    started = shop.click(order)
    window = shop.window(started)
    expire(shop, started)
    shop.paid(order)
    approve(shop, window)
    payment = shop.payment(started)
    swept(order, payment)
    refund = Refund.objects.get()
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 2900, 909)


# What no machine sends back --------------------------------------------------------------------------------------


def rewrite(shop: Shop, imp_uid: str | None, **fields: Any) -> None:
    """As if PortOne had recorded it so."""
    held = shop.sandbox.payments.get(imp_uid)
    held.record |= fields
    shop.sandbox.payments.save(held, shop.sandbox.now())


def _older_than_its_attempt(shop: Shop, payment: Payment, imp_uid: str) -> None:
    rewrite(shop, imp_uid, started_at=shop.sandbox.now() - 3600)


def _of_a_billing_key(shop: Shop, payment: Payment, imp_uid: str) -> None:
    rewrite(shop, imp_uid, customer_uid="somebodys-card", customer_uid_usage="payment")


def _without_a_start(shop: Shop, payment: Payment, imp_uid: str) -> None:
    rewrite(shop, imp_uid, started_at=0)


def _known_under_another_uid(shop: Shop, payment: Payment, imp_uid: str) -> None:
    PaymentFactory(merchant_uid="tstranger", imp_uid=imp_uid, state="paid", open_slot=None, next_check_at=None)


NOT_OURS = [_older_than_its_attempt, _of_a_billing_key, _without_a_start, _known_under_another_uid]


@pytest.mark.parametrize("not_ours", NOT_OURS)
def test_money_that_may_be_somebody_elses_is_never_sent_back_by_machine(
    shop: Shop, settings: Any, not_ours: Any
) -> None:
    choose(settings, **EVERYTHING_GOES_BACK)
    order, payment = edited(shop)
    imp_uid = shop.sandbox.payments_of(payment.merchant_uid)[0]["imp_uid"]
    not_ours(shop, payment, imp_uid)
    swept(order, payment)
    assert (payment.state, back(shop, imp_uid)) == ("quarantined", [])
    assert not Refund.objects.exists()


@pytest.mark.parametrize("not_ours", NOT_OURS)
def test_a_second_record_that_may_be_somebody_elses_is_never_sent_back_by_machine(
    shop: Shop, settings: Any, not_ours: Any
) -> None:
    choose(settings, **EVERYTHING_GOES_BACK)
    shop.sandbox.settings.set(duplicate_mode="none")
    order = shop.order()
    started, _imp_uid = shop.pay(order)
    payment = shop.payment(started).sync()
    surplus = shop.window(started)
    approve(shop, surplus)
    not_ours(shop, payment, surplus)
    swept(order, payment)
    assert (payment.state, back(shop, surplus)) == ("paid", [])
    assert not Refund.objects.exists()


LOOK_UPS_THAT_PROVE_NOTHING = [
    "http_403", "http_404", "expired_token", "timeout_before", "timeout_after", "drop_before", "refuse", "http_429",
    "http_500", "http_503", "html_200", "empty_200", "truncated", "duplicate_keys", "redirect",
]  # fmt: skip


@pytest.mark.parametrize("fault", LOOK_UPS_THAT_PROVE_NOTHING)
def test_a_look_up_that_portone_turns_away_refunds_nobody(
    shop: Shop, settings: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new server that is missing in the console's address list must not send all the money back."""
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    choose(settings, **EVERYTHING_GOES_BACK)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add(fault, method="GET", times=99, retry_after=0)
    swept(order, shop.payment(started))
    assert (shop.payment(started).state, order.state, back(shop, imp_uid)) == ("pending", "open", [])
    assert not Refund.objects.exists()
    shop.sandbox.faults.clear()
    swept(order, shop.payment(started))
    assert (order.state, back(shop, imp_uid), shop.delivered(order)) == ("paid", [], 1)


@pytest.mark.parametrize("fault", ["http_403", "expired_token", "timeout_before", "http_500"])
def test_a_look_up_that_portone_turns_away_lets_a_reserved_refund_wait(
    shop: Shop, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    order, payment = paid_twice(shop)
    payment.sync()
    shop.sandbox.faults.add(fault, method="GET", times=99, retry_after=0)
    swept(order, payment)
    assert (Refund.objects.get().state, back(shop, payment.imp_uid)) == ("reserved", [])
    shop.sandbox.faults.clear()
    shop.quiet()
    swept(order, payment)
    assert (Refund.objects.get().state, back(shop, payment.imp_uid)) == ("succeeded", [12900])


# Never more than a few an hour -----------------------------------------------------------------------------------


def test_a_fault_of_ours_that_takes_a_hundred_good_payments_for_bad_ones_refunds_three(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(settings, ON_MISMATCH="refund")
    monkeypatch.setattr(settlement, "differences", lambda payment, record: ["amount: 12900 → 12900.0"])
    payments = [paid_in_the_window(shop.sandbox) for _ in range(100)]
    for payment in payments:
        payment.sync()
    for _ in range(2):
        for payment in payments:
            payment.sync()
        reconcile()
    gone = [payment for payment in payments if back(shop, payment.imp_uid)]
    assert len(gone) == MOST_IN_AN_HOUR == 3
    assert Refund.objects.count() == 3
    capped = Event.objects.filter(kind="refund.capped").values_list("payment_id", flat=True)
    assert sorted(capped) == sorted({each.pk for each in payments} - {each.pk for each in gone}), "each of them once"
    assert sum(shop.delivered(payment.order, "refund_capped") for payment in payments) == 97
    assert Payment.objects.filter(state="quarantined").count() == 97


def test_after_an_hour_there_is_room_again_and_refunds_by_people_take_none(shop: Shop, settings: Any) -> None:
    choose(settings, ON_MISMATCH="refund")
    for _ in range(5):
        shop.paid().refund(amount=900, reason="a person's")
    sales = [edited(shop) for _ in range(4)]
    for _order, payment in sales:
        payment.sync()
    assert [payment.refunds.count() for _order, payment in sales] == [1, 1, 1, 0]
    Refund.objects.update(created_at=timezone.now() - dt.timedelta(minutes=59))
    _order, still_full = edited(shop)
    assert still_full.sync().refunds.count() == 0
    Refund.objects.update(created_at=timezone.now() - dt.timedelta(minutes=61))
    _order, fits = edited(shop)
    assert fits.sync().refunds.count() == 1


@pytest.mark.server
def test_eight_settlements_at_once_stay_below_the_same_cap(shop: Shop, settings: Any) -> None:
    choose(settings, ON_MISMATCH="refund")
    for _ in range(5):
        Refund.objects.update(created_at=timezone.now() - LONG_AGO)
        before = set(Refund.objects.values_list("pk", flat=True))
        payments = [edited(shop)[1] for _ in range(8)]
        barrier, problems = threading.Barrier(8), []

        def settle(payment: Payment, barrier: threading.Barrier = barrier, problems: list[Any] = problems) -> None:
            try:
                barrier.wait(30)
                payment.sync()
            except Exception as problem:
                problems.append(problem)
            finally:
                connection.close()

        threads = [threading.Thread(target=settle, args=(payment,)) for payment in payments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert Refund.objects.exclude(pk__in=before).count() == 3
        assert count("refund.capped", payment__in=payments) == 5


def test_bills_that_nobody_owes_leave_the_policies_their_refunds(shop: Shop, members: Members) -> None:
    for _ in range(MOST_IN_AN_HOUR):
        refund_whole(members.card(members.user()).charge(amount=5000, name="x"), "cancelled before it was decided")
    order, payment = paid_twice(shop)
    swept(order, payment)
    assert (payment.state, back(shop, payment.imp_uid)) == ("refunded", [12900])
