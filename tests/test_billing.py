"""billing(user).forget(): what goes at once, what the law keeps, and that no deleted account takes a sale along."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, transaction

from portone_django import billing as module
from portone_django import clock
from portone_django.billing import Forgotten, billing
from portone_django.conf import get_config
from portone_django.flows import blanking
from portone_django.flows.retention import purge
from portone_django.models import Event, Order, Payment
from tests.factories import OrderFactory, PaymentFactory, UserFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = ("buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode")


@pytest.fixture
def user() -> Any:
    return UserFactory()


def has_buyer(order: Order) -> bool:
    order.refresh_from_db()
    return any(getattr(order, name) for name in FIELDS)


def kinds(order: Order) -> list[str]:
    return list(order.events.order_by("pk").values_list("kind", flat=True))


def test_an_order_without_money_is_unlinked_and_blanked_at_once(user: Any) -> None:
    order = OrderFactory(customer=user, state="expired", buyer_addr="서울", metadata={"gift": "to you"})
    PaymentFactory(order=order, state="failed", open_slot=None, vbank_num="5620", vbank_holder="홍길동")

    assert billing(user).forget() == Forgotten(orders_unlinked=1, orders_blanked=1, kept_until=None)

    assert not has_buyer(order)
    assert (order.customer, order.metadata, order.state) == (None, {"gift": "to you"}, "expired")
    assert order.forgotten_at
    assert order.blanked_at
    assert (order.payments.get().vbank_num, order.payments.get().vbank_holder) == ("", "")
    assert kinds(order) == ["order.forgotten", "order.blanked"]
    assert [event.data for event in order.events.all()] == [{}, {}]
    assert not order.events.filter(dispatched_at=None).exists(), "an audit row waits for no receiver"


def test_an_order_with_money_keeps_its_buyer_until_the_retention_is_over(shop: Shop, user: Any) -> None:
    payment = shop.paid(customer=user)
    report = billing(user).forget()

    payment.refresh_from_db()
    keep = dt.timedelta(days=get_config().keep_payment_days)
    assert payment.paid_at
    seoul = get_config().zone
    assert report == Forgotten(1, 0, (payment.order.created_at + keep).astimezone(seoul).date())
    assert report.kept_until
    assert has_buyer(payment.order)
    assert (payment.order.customer, payment.order.blanked_at) == (None, None)
    assert payment.order.forgotten_at
    purge()
    assert has_buyer(payment.order)

    long_ago = clock.now() - keep - dt.timedelta(days=1)
    Order.objects.update(paid_at=long_ago, created_at=long_ago)
    Payment.objects.update(paid_at=long_ago)
    purge()
    assert not has_buyer(payment.order)


@pytest.mark.parametrize("state", ["paid", "partially_refunded", "refunded", "quarantined"])
def test_money_is_money_wherever_it_is_now(user: Any, state: str) -> None:
    order = OrderFactory(customer=user, state="cancelled")
    PaymentFactory(order=order, state=state, open_slot=None, received_amount=12900, hold_reason="late")
    report = billing(user).forget()
    assert (report.orders_unlinked, report.orders_blanked) == (1, 0)
    assert report.kept_until
    assert has_buyer(order)


def test_a_sale_of_nothing_is_a_sale(shop: Shop, user: Any) -> None:
    order = shop.order(amount=0, customer=user)
    assert billing(user).forget().orders_blanked == 0
    assert has_buyer(order)


@pytest.mark.parametrize("state", ["created", "pending", "unknown", "awaiting_deposit", "quarantined", "review"])
def test_an_undecided_attempt_keeps_the_buyer_until_it_is_decided(user: Any, state: str) -> None:
    order = OrderFactory(customer=user)
    payment = PaymentFactory(order=order, state=state)
    assert billing(user).forget() == Forgotten(1, 0, None)
    assert (has_buyer(order), order.customer) == (True, None)
    purge()
    assert has_buyer(order)

    Payment.objects.filter(pk=payment.pk).update(state="failed", open_slot=None)
    assert purge().orders_blanked == 1
    assert not has_buyer(order)


def test_an_undecided_attempt_that_turns_out_paid_is_kept_by_law(shop: Shop, user: Any) -> None:
    started, imp_uid = shop.pay(shop.order(customer=user))
    assert billing(user).forget() == Forgotten(1, 0, None)
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert payment.order.state == "paid"
    purge()
    assert has_buyer(payment.order)


def test_asking_again_changes_nothing(user: Any) -> None:
    order = OrderFactory(customer=user)
    billing(user).forget()
    before = Order.objects.values().get()
    assert billing(user).forget() == Forgotten()
    assert Order.objects.values().get() == before
    assert len(kinds(order)) == 2


def test_nobody_elses_order_is_touched(user: Any) -> None:
    OrderFactory(customer=user)
    others = [OrderFactory(customer=UserFactory()), OrderFactory(customer=None)]
    before = list(Order.objects.filter(pk__in=[order.pk for order in others]).order_by("pk").values())
    billing(user).forget()
    assert list(Order.objects.filter(pk__in=[order.pk for order in others]).order_by("pk").values()) == before


def test_many_orders_go_in_small_transactions_and_a_stop_loses_nothing(user: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(blanking, "ORDERS_AT_ONCE", 3)
    orders = OrderFactory.create_batch(8, customer=user)
    blank, batches = blanking.blank, []

    def breaking(pks: Any, *args: Any, **kwargs: Any) -> int:
        batches.append(len(pks))
        if len(batches) == 2:
            raise OperationalError("the connection is gone")
        return blank(pks, *args, **kwargs)

    monkeypatch.setattr(blanking, "blank", breaking)
    with pytest.raises(OperationalError):
        billing(user).forget()
    assert Order.objects.filter(customer=user).count() == 5
    assert Event.objects.filter(kind="order.forgotten").count() == 3

    report = billing(user).forget()
    assert (report.orders_unlinked, report.orders_blanked) == (5, 5)
    assert batches == [3, 3, 3, 2]
    assert not any(map(has_buyer, orders))
    assert [kinds(order) for order in orders] == [["order.forgotten", "order.blanked"]] * 8


def test_in_the_callers_transaction_it_is_the_callers_to_take_back(user: Any) -> None:
    order = OrderFactory(customer=user)

    class ChangedTheirMind(Exception):
        pass

    def host() -> None:
        with transaction.atomic():
            billing(user).forget()
            raise ChangedTheirMind

    with pytest.raises(ChangedTheirMind):
        host()
    assert (has_buyer(order), order.customer, kinds(order)) == (True, user, [])


def test_two_at_once_forget_each_order_once(user: Any, monkeypatch: Any) -> None:
    order = OrderFactory(customer=user)
    lock = blanking.lock

    def another_first(pks: Any, **kwargs: Any) -> list[int]:
        monkeypatch.setattr(blanking, "lock", lock)
        assert billing(user).forget().orders_unlinked == 1
        return lock(pks, **kwargs)

    monkeypatch.setattr(blanking, "lock", another_first)
    assert billing(user).forget() == Forgotten()
    assert kinds(order) == ["order.forgotten", "order.blanked"]


@pytest.mark.parametrize(
    "wrong", [None, AnonymousUser(), get_user_model()(), 17, "customer0", SimpleNamespace(pk=1, is_authenticated=True)]
)
def test_only_a_saved_user_has_a_billing(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Write: billing\(request\.user\)"):
        billing(wrong)


def test_what_is_public_is_named() -> None:
    assert module.__all__ == [
        "Billing",
        "Forgotten",
        "billing",
        "charge",
        "make_default",
        "recheck",
        "remove",
        "rename",
    ]


# Deleting the account ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole_set", [False, True], ids=["user.delete()", "queryset.delete()"])
@pytest.mark.parametrize("is_forgotten", [False, True])
def test_deleting_the_account_deletes_and_blanks_nothing_of_ours(
    shop: Shop, user: Any, whole_set: bool, is_forgotten: bool
) -> None:
    payment = shop.paid(customer=user)
    payment.refund(amount=1000, reason="change of mind", by=user)
    shop.click(shop.order(customer=user))
    if is_forgotten:
        billing(user).forget()
    models = (Order, Payment, Event)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    for row in before[0]:
        row["customer_id"] = None

    if whole_set:
        get_user_model().objects.filter(pk=user.pk).delete()
    else:
        user.delete()

    assert not get_user_model().objects.exists()
    assert [list(model.objects.order_by("pk").values()) for model in models] == before
    refund = payment.refunds.get()
    assert (refund.amount, refund.requested_by) == (1000, None)
    assert has_buyer(payment.order)
