"""The shop delivers and packs when the money is there, and once."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from example_project.shop.models import Member as MemberRow
from example_project.shop.models import Parcel, Product, Purchase
from portone_django.models import Order, Subscription
from portone_django.signals import bill_paid, order_paid, subscription_ended, subscription_started

from .conftest import Browser, Member


@pytest.fixture
def purchase(browser: Browser) -> Purchase:
    return Purchase.objects.get(code=browser.buy(quantity=2))


def tell(purchase: Purchase, event_id: uuid.UUID) -> None:
    order_paid.send(sender=Order, order=purchase.order, payment=None, event_id=event_id, event=None)


def sold_count() -> int:
    return Product.objects.get().sold_count


def test_a_paid_order_is_delivered(purchase: Purchase) -> None:
    event_id = uuid.uuid4()
    tell(purchase, event_id)
    purchase.refresh_from_db()
    assert (purchase.state, purchase.paid_event_id, sold_count()) == ("delivered", event_id, 2)


def test_the_same_event_told_again_delivers_nothing_more(purchase: Purchase) -> None:
    event_id = uuid.uuid4()
    for _ in range(3):
        tell(purchase, event_id)
    assert sold_count() == 2


def test_a_reader_with_an_old_copy_delivers_nothing_more(purchase: Purchase) -> None:
    stale = Purchase.objects.get(pk=purchase.pk)
    assert purchase.deliver(event_id=uuid.uuid4(), at=timezone.now())
    assert not stale.deliver(event_id=uuid.uuid4(), at=timezone.now())
    assert sold_count() == 2


def test_an_order_of_somebody_else_is_none_of_the_shops_business(purchase: Purchase) -> None:
    from portone_django.orders import create_order

    other = create_order(name="다른 것", amount=1_000, reference="other")
    order_paid.send(sender=Order, order=other, payment=None, event_id=uuid.uuid4(), event=None)
    assert sold_count() == 0


# The coffee club -------------------------------------------------------------------------------------------------


def packed() -> int:
    return Parcel.objects.count()


def is_on_list() -> bool:
    return MemberRow.objects.get().is_on_list


@pytest.fixture
def joined(member: Member) -> Member:
    member.register()
    member.join()
    return member


def test_a_paid_bill_is_packed_and_its_member_is_roasted_for(joined: Member) -> None:
    assert (packed(), is_on_list()) == (1, True)
    assert Parcel.objects.get().user == joined.user


def test_a_bill_that_is_not_paid_is_not_packed(member: Member) -> None:
    member.register(number="5594100000001254")
    member.join()
    assert (packed(), is_on_list()) == (0, False)


def test_a_paid_bill_told_again_is_packed_once(joined: Member) -> None:
    order = Parcel.objects.get().order
    for _ in range(3):
        bill_paid.send(sender=Subscription, subscription=joined.subscription, order=order, event_id=uuid.uuid4())
    assert packed() == 1


def test_who_leaves_is_roasted_for_no_more_and_an_old_signal_does_not_bring_them_back(joined: Member) -> None:
    subscription = joined.subscription.cancel(when="now")
    assert not is_on_list()
    subscription_started.send(sender=Subscription, subscription=subscription, event_id=uuid.uuid4())
    assert not is_on_list()


def test_an_old_end_does_not_throw_out_who_joined_again(joined: Member) -> None:
    ended = joined.subscription.cancel(when="now")
    joined.join()
    assert is_on_list()
    subscription_ended.send(sender=Subscription, subscription=ended, event_id=uuid.uuid4())
    assert is_on_list()


def test_a_customer_who_is_gone_stops_no_signal(joined: Member) -> None:
    subscription = joined.subscription
    Subscription.objects.update(customer=None)
    subscription.refresh_from_db()
    subscription_ended.send(sender=Subscription, subscription=subscription, event_id=uuid.uuid4())
    assert is_on_list()
