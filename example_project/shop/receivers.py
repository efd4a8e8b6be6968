"""What the shop does when the money for an order is really there."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from portone_django.models import Order
from portone_django.signals import order_paid

from .models import Purchase

logger = logging.getLogger("portone_django.example")


@receiver(order_paid, dispatch_uid="shop.deliver")
def deliver(sender: type[Order], *, order: Order, event_id: uuid.UUID, **kwargs: Any) -> None:
    """Deliver a paid purchase. May be called again with the same event_id, so the purchase remembers it."""
    purchase = Purchase.objects.filter(order=order).first()
    if purchase is not None and purchase.deliver(event_id=event_id, at=timezone.now()):
        logger.info("Purchase %s is paid and goes out.", purchase.code)
