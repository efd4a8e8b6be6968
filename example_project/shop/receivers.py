"""What the shop does when the money for an order is really there, and when somebody joins or leaves the club."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from portone_django import clock
from portone_django.access import is_subscribed
from portone_django.models import Order, Subscription
from portone_django.signals import bill_paid, order_paid, subscription_ended, subscription_started

from .club import PLAN
from .models import Member, Parcel, Purchase

logger = logging.getLogger("portone_django.example")


@receiver(order_paid, dispatch_uid="shop.deliver")
def deliver(sender: type[Order], *, order: Order, event_id: uuid.UUID, **kwargs: Any) -> None:
    """Deliver a paid purchase. May be called again with the same event_id, so the purchase remembers it."""
    purchase = Purchase.objects.filter(order=order).first()
    if purchase is not None and purchase.deliver(event_id=event_id, at=timezone.now()):
        logger.info("Purchase %s is paid and goes out.", purchase.code)


@receiver(bill_paid, dispatch_uid="shop.pack")
def pack(sender: type[Subscription], *, subscription: Subscription, order: Order, **kwargs: Any) -> None:
    """Pack the coffee of a paid bill. A bill is paid once, so its parcel remembers the order."""
    values = {"user": subscription.customer, "packed_at": clock.now()}
    _, is_new = Parcel.objects.get_or_create(order=order, defaults=values)
    if is_new:
        logger.info("%s is paid and packed.", order.name)


@receiver([subscription_started, subscription_ended], dispatch_uid="shop.list")
def keep_the_list(sender: type[Subscription], *, subscription: Subscription, **kwargs: Any) -> None:
    """Whom the roaster roasts for. Asked anew instead of counted, so that repetition and order make no difference."""
    if subscription.customer is not None:
        is_on_list = is_subscribed(subscription.customer, PLAN)
        Member.objects.filter(user=subscription.customer).update(is_on_list=is_on_list)
