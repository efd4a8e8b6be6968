"""From a filled-in form to a purchase with an order that can be paid."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse

from portone_django.orders import create_order

from .models import Product, Purchase


def place(product: Product, quantity: int, *, code: str, user: Any, buyer: dict[str, Any]) -> Purchase:
    """The purchase of that code with its order; the first call decides what it sells, the others change nothing."""
    with transaction.atomic():
        purchase, _ = Purchase.objects.select_for_update().get_or_create(
            code=code,
            defaults={"product": product, "quantity": quantity, "user": user if user.is_authenticated else None},
        )
        if purchase.order_id is None:
            purchase.order = create_order(
                name=f"{purchase.product.name} × {purchase.quantity}",
                amount=purchase.amount,
                reference=f"shop-{purchase.code}",
                customer=user,
                return_url=reverse("shop:order", args=[purchase.code]),
                target=purchase,
                **buyer,
            )
            purchase.save(update_fields=["order"])
    return purchase
