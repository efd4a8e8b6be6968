"""Orders that end without money: lapsed or given up."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import clock
from ..lifecycles import ORDER_MOVES, check_move
from ..models import Order, Payment
from .dispatch import new_event, record
from .steps import in_one_step


def expire_orders(limit: int = 500) -> int:
    """Close the open orders whose `expires_at` has passed and that have no open attempt; returns how many."""
    due = Order.objects.filter(state=Order.State.OPEN, expires_at__lte=clock.now()).order_by("expires_at")
    return sum(in_one_step(partial(_expire, pk)) for pk in due.values_list("pk", flat=True)[:limit])


def close_order(order: Order, state: str, data: dict[str, Any]) -> None:
    """Move a locked order to expired or cancelled, with its event."""
    if check_move("Order", ORDER_MOVES, order.state, state):
        order.state = state
        order.save(update_fields=["state", "updated_at"])
        effect = f"order.{state}:{order.pk}"
        record([new_event(f"order.{state}", order=order, effect=effect, source="app", data=data)])


def _expire(pk: int) -> bool:
    order = Order.objects.select_for_update().get(pk=pk)
    lapsed = order.state == Order.State.OPEN and order.expires_at is not None and order.expires_at <= clock.now()
    if not lapsed or Payment.objects.filter(open_slot=pk).exists():
        return False
    close_order(order, Order.State.EXPIRED, {})
    return True
