"""The shop delivers when the money is there, and once."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from example_project.shop.models import Product, Purchase
from portone_django.models import Order
from portone_django.signals import order_paid

from .conftest import Browser


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
