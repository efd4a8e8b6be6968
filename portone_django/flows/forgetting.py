"""A customer asks to be forgotten: unlinked at once, blanked at once where no money came, else when the law allows.

Their cards are unlinked, too, and deleted at PortOne by the sweep.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Max, Q

from ..clock import later, wall
from ..conf import get_config
from ..exceptions import CustomerSubscribed
from ..lifecycles import BILLING_KEY_MOVES
from ..models import BillingKey, Order, Refund, Subscription
from . import blanking
from .dispatch import new_event, record
from .steps import in_one_step


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of the orders and the cards of one customer.

    `kept_until` is the last day on which the buyer's fields of an order with money may still be there (the purge
    blanks them afterwards), None when no such order was unlinked.
    """

    orders_unlinked: int = 0
    orders_blanked: int = 0
    kept_until: dt.date | None = None
    cards_unlinked: int = 0


def forget(customer_id: Any) -> Forgotten:
    """Unlink every order of the customer, a few in each transaction; safe to run again after a stop.

    Raises CustomerSubscribed, with no change, while a subscription is not over.
    """
    cards = in_one_step(partial(_forget_cards, customer_id))
    unlinked = blanked = after = 0
    newest: dt.datetime | None = None
    while True:
        orders = Order.objects.filter(customer=customer_id, pk__gt=after).order_by("pk")
        pks = list(orders.values_list("pk", flat=True)[: blanking.ORDERS_AT_ONCE])
        if not pks:
            break
        done, emptied, last_money = in_one_step(partial(_forget, customer_id, pks))
        unlinked, blanked, after = unlinked + done, blanked + emptied, pks[-1]
        newest = max(filter(None, (newest, last_money)), default=None)
    return Forgotten(unlinked, blanked, _kept_until(newest), cards)


def _forget_cards(customer_id: Any) -> int:
    """Nobody's cards are charged by nobody: what PortOne has of them is deleted as soon as no charge needs it."""
    live = Subscription.objects.select_for_update().filter(customer=customer_id).exclude(state="ended").first()
    if live is not None:
        raise CustomerSubscribed(live.public_id, live.state)
    stamp = wall()
    Subscription.objects.filter(customer=customer_id).update(customer=None, updated_at=stamp)
    cards = list(BillingKey.objects.select_for_update().filter(customer=customer_id).order_by("pk"))
    mine = BillingKey.objects.filter(pk__in=[card.pk for card in cards])
    mine.update(customer=None, default_slot=None, **dict.fromkeys(blanking.CARD_FIELDS, ""), updated_at=stamp)
    blanking.drop_options(mine)
    can_go = [state for state, moves in BILLING_KEY_MOVES.items() if "deleted" in moves]
    waiting = {"deletion": BillingKey.Deletion.REQUESTED, "next_check_at": later(0)}
    mine.filter(state__in=can_go, deletion="").update(**waiting)
    record([new_event("billing_key.forgotten", billing_key=card, source="forget") for card in cards])
    return len(cards)


def _forget(customer_id: Any, pks: list[int]) -> tuple[int, int, dt.datetime | None]:
    blanking.lock(pks)
    orders = list(Order.objects.filter(pk__in=pks, customer=customer_id).only("pk").order_by("pk"))
    mine = [order.pk for order in orders]
    stamp = wall()
    Order.objects.filter(pk__in=mine).update(customer=None, forgotten_at=stamp, updated_at=stamp)
    Refund.objects.filter(payment__order__in=mine, requested_by=customer_id).update(requested_by=None)
    record([new_event("order.forgotten", order=order, source="forget") for order in orders])
    blanked = blanking.blank(mine, blanking.forgotten_without_money(), source="forget")
    return len(mine), blanked, _last_money(mine)


def _last_money(pks: list[int]) -> dt.datetime | None:
    """When the youngest of the orders that are kept got its money."""
    kept = blanking.not_blanked().filter(Q(pk__in=pks) & blanking.with_money())
    times = kept.aggregate(Max("created_at"), Max("paid_at"), Max("payments__paid_at"))
    return max(filter(None, times.values()), default=None)


def _kept_until(newest: dt.datetime | None) -> dt.date | None:
    config = get_config()
    if newest is None:
        return None
    return (newest + dt.timedelta(days=config.keep_payment_days)).astimezone(config.zone).date()
