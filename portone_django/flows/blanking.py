"""Which personal fields there are, which orders may lose them, and how they are emptied: the sale itself stays.

What identifies the sale (amounts, uids, states, dates) is kept for ever. `metadata`, `reference`, `name` and most
window options belong to the project, which alone knows whether they say who the customer is: they are left alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from ..clock import now, wall
from ..conf import get_config
from ..lifecycles import OPEN_ORDER_STATES, OPEN_PAYMENT_STATES, RECEIVED_PAYMENT_STATES, SETTLED_ORDER_STATES
from ..models import BillingKey, CashReceipt, Order, Payment, Refund
from .dispatch import new_event, record

ORDER_FIELDS = ("buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode")
PAYMENT_FIELDS = ("vbank_num", "vbank_holder", "escrow_denied_reason", "apply_num", "receipt_url")
RECEIPT_FIELDS = ("apply_num", "receipt_url")
CARD_FIELDS = ("name", "card_number")
# Window options that are about the buyer by their meaning; bypass may hold the same under the PG's own names.
PERSONAL_OPTIONS = ("customer_id", "custom_data", "payshot_key", "bypass")
# Orders of one transaction, with their payments and one event each: well under a thousand rows.
ORDERS_AT_ONCE = 100

# Whether money came is for PortOne (open) or for a person (quarantined, review) to say.
_UNDECIDED = OPEN_PAYMENT_STATES | {"quarantined", "review"}
_PAYMENTS = Payment.objects.filter(order=OuterRef("pk")).order_by()


def out_of_retention() -> Q:
    """Closed orders whose last money (without any, whose making) is KEEP_PAYMENT_DAYS ago: 전자상거래법 시행령 §6."""
    before = now() - dt.timedelta(days=get_config().keep_payment_days)
    is_needed = Exists(_PAYMENTS.filter(Q(state__in=_UNDECIDED) | Q(paid_at__gte=before)))
    is_old = Q(created_at__lt=before) & (Q(paid_at=None) | Q(paid_at__lt=before))
    return is_old & ~Q(state__in=OPEN_ORDER_STATES) & ~Q(is_needed)


def forgotten_without_money() -> Q:
    """Orders of forgotten customers that no money came for and none is on its way."""
    return Q(forgotten_at__isnull=False) & ~with_money() & ~Q(Exists(_PAYMENTS.filter(state__in=_UNDECIDED)))


def with_money() -> Q:
    """Orders that the law wants kept: sold (also for 0 won), or money came for them, wherever it is now."""
    is_received = Exists(_PAYMENTS.filter(Q(received_amount__isnull=False) | Q(state__in=RECEIVED_PAYMENT_STATES)))
    return Q(state__in=SETTLED_ORDER_STATES) | Q(is_received)


def not_blanked() -> QuerySet[Order]:
    """The orders that still have their personal fields."""
    return Order.objects.filter(blanked_at=None)


def lock(pks: Sequence[int], *, skip_locked: bool = False) -> list[int]:
    """Lock these orders, in the order in which everybody locks them; without those of others if `skip_locked`."""
    rows = Order.objects.select_for_update(skip_locked=skip_locked).filter(pk__in=pks).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def blank(pks: Sequence[int], which: Q, *, source: str) -> int:
    """Empty the personal fields of those of these locked orders that are still to be blanked; one event each."""
    # Asked again under the locks: a click may have begun an attempt since they were found.
    orders = list(not_blanked().filter(which, pk__in=pks).only("pk").order_by("pk"))
    mine = [order.pk for order in orders]
    stamp = wall()
    has_personal = Q()
    for name in PAYMENT_FIELDS:
        has_personal |= ~Q(**{name: ""})
    payments = Payment.objects.filter(has_personal, order__in=mine)
    payments.update(**dict.fromkeys(PAYMENT_FIELDS, ""), updated_at=stamp)
    drop_options(Payment.objects.filter(order__in=mine))
    CashReceipt.objects.filter(payment__order__in=mine).update(**dict.fromkeys(RECEIPT_FIELDS, ""), updated_at=stamp)
    Refund.objects.filter(payment__order__in=mine).update(receipt_url="", updated_at=stamp)
    Order.objects.filter(pk__in=mine).update(**dict.fromkeys(ORDER_FIELDS, ""), blanked_at=stamp, updated_at=stamp)
    kind = "order.blanked"
    record([new_event(kind, order=order, effect=f"{kind}:{order.pk}", source=source) for order in orders])
    return len(mine)


def old_cards() -> QuerySet[BillingKey]:
    """Cards that are gone (or never came) for KEEP_PAYMENT_DAYS, and still show whose they were."""
    before = now() - dt.timedelta(days=get_config().keep_payment_days)
    is_gone = Q(state="deleted", deleted_at__lt=before) | Q(state="failed", created_at__lt=before)
    is_blank = Q(customer=None, **dict.fromkeys(CARD_FIELDS, ""))
    return BillingKey.objects.filter(is_gone, ~is_blank | Q(options__has_any_keys=list(PERSONAL_OPTIONS)))


def blank_cards(pks: Sequence[int]) -> int:
    """Empty the personal fields of these cards, and unlink them from their customers; how many."""
    cards = old_cards().select_for_update().filter(pk__in=pks).order_by("pk")
    mine = BillingKey.objects.filter(pk__in=list(cards.values_list("pk", flat=True)))
    drop_options(mine)
    return mine.update(**dict.fromkeys(CARD_FIELDS, ""), customer=None, default_slot=None, updated_at=wall())


def drop_options(rows: QuerySet[Payment] | QuerySet[BillingKey]) -> None:
    """Leave out the window options of these rows that are about the buyer."""
    for pk, options in list(rows.values_list("pk", "options")):
        kept = {name: value for name, value in options.items() if name not in PERSONAL_OPTIONS}
        if kept != options:
            rows.model._default_manager.filter(pk=pk).update(options=kept)
