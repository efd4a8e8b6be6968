"""One charge of a card on file, as the project asks for it: an order, an attempt, and the exactly-once path."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError

from .. import clock
from ..exceptions import CardNotUsable, OrderConflict
from ..models import BillingKey, Order, Payment
from .attempts import charge_attempt, is_resent, last_attempt_no, undecided
from .checkout import new_merchant_uid
from .dispatch import new_event, record
from .steps import in_one_step
from .uids import charge_uid

# A declined charge can be tried again under its reference for so long.
ORDER_LIFE = dt.timedelta(days=1)


def open_charge(key: BillingKey, order: Order) -> Payment:
    """The attempt at this unsaved order with this card: a new one, or what its reference stands for already.

    With a reference any number of calls charge once; after a decline the next call is a new attempt. Only within the
    quiet period of one that was sent twice, and may still be on its way, it is that one. Raises CardNotUsable, and
    OrderConflict when the reference is another sale.
    """
    try:
        return in_one_step(lambda: _open(key.pk, order))
    except IntegrityError:
        # Another call wrote the same reference between our look and our insert.
        return in_one_step(lambda: _open(key.pk, order))


def _open(key_id: int, asked: Order) -> Payment:
    key = BillingKey.objects.select_for_update().get(pk=key_id)
    order = _known(asked) if asked.reference is not None else None
    if order is not None:
        newest = Payment.objects.filter(order=order).order_by("-attempt_no").first()
        settled = undecided(order) or Payment.objects.filter(paid_slot=order.pk).first()
        if settled is not None or not order.is_open or is_resent(order):
            return settled or _newest(newest, order)
    if not key.is_usable:
        raise CardNotUsable(key.state, f"it is {key.deletion or key.state}. Use another card.")
    if order is None:
        order = asked
        order.pk = None
        order.expires_at = clock.now() + ORDER_LIFE
        order.save(force_insert=True)
        record([new_event("order.created", order=order, source="app")])
    number = last_attempt_no(order) + 1
    uid = charge_uid(key.customer_uid, order.reference, number) if order.reference else new_merchant_uid()
    payment = charge_attempt(order, key, uid, number)
    payment.save(force_insert=True)
    return payment


def _known(asked: Order) -> Order | None:
    known = Order.objects.select_for_update().filter(reference=asked.reference).first()
    if known is None:
        return None
    pairs: dict[str, tuple[Any, Any]] = {
        name: (getattr(known, name), getattr(asked, name))
        for name in ("reference", "kind", "amount", "currency", "tax_free_amount", "vat_amount", "customer_id")
    }
    if differences := {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}:
        raise OrderConflict(str(asked.reference), differences)
    return known


def _newest(payment: Payment | None, order: Order) -> Payment:
    if payment is None:
        raise CardNotUsable(order.state, f"order {order.public_id} is {order.state}. Use a new reference.")
    return payment
