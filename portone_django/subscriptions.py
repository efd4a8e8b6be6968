"""Subscriptions: what a project begins, cancels and takes up again.

Money is taken by the engine (Celery task portone_django.charge_due or manage.py portone_charge_due); what is called
here charges at once only where it says so, and then never inside a transaction.
"""

from __future__ import annotations

from typing import Any

from .flows import subscribing
from .flows.charging import charge_now
from .gateway import InsideTransaction, refuse_inside_transaction
from .models import BillingKey, Payment, Price, Subscription
from .storable import is_storable

__all__ = ["cancel", "resume", "retry_now", "subscribe", "use_key"]

# A customer waits for the answer; what is not decided by then is "being confirmed".
WEB_SECONDS = 20.0
_WHEN, _REFUND = ("period_end", "now"), ("none", "unused", "all")


def subscribe(
    user: Any,
    price: Price,
    *,
    billing_key: BillingKey | None = None,
    reference: str = "",
    metadata: dict[str, Any] | None = None,
) -> Subscription:
    """Begin a subscription; with a card its first bill is charged now, within 20 seconds.

    Look at `state`: active (paid; `subscription_started` was sent), or incomplete: declined, not decided yet, or
    without a card. It then begins as soon as a card pays (`{% portone_register_card %}` with subscription=…, or
    subscription.use_key(…)), and ends after 24 hours. Any number of calls make one subscription per user and
    `reference` (default: the plan). Periods are counted from today, in PORTONE["TIME_ZONE"].
    Raises TypeError or ValueError for bad arguments, SubscriptionConflict when it is there with another price,
    CardNotUsable, InsideTransaction with a card inside a transaction.
    """
    if getattr(user, "pk", None) is None or not getattr(user, "is_authenticated", False):
        raise TypeError(f"subscribe() takes a saved user, not {type(user).__name__}. Write: subscribe(request.user, …)")
    if not isinstance(price, Price):
        raise TypeError(f"price must be a Price, not {price!r}. Write: Price.objects.get(code='pro-monthly')")
    if not (price.is_offered and price.plan.is_offered):
        raise ValueError(f"price {price.code!r} is not offered. Set is_offered on it and on its plan, or use another.")
    if not isinstance(reference, str) or len(reference) > 100 or not is_storable(reference):
        raise ValueError("reference must be a text of at most 100 characters")
    if metadata is not None and not is_storable(metadata):
        raise ValueError("metadata contains NUL or half a surrogate pair, which no database stores")
    if billing_key is not None:
        _refuse_inside_transaction("subscribe() with a card charges it")
    subscription, payment = subscribing.begin(
        user, price, billing_key=billing_key, reference=reference, metadata=metadata or {}
    )
    return _charged(subscription, payment)


def cancel(
    subscription: Subscription,
    *,
    when: str = "period_end",
    refund: str = "none",
    by: Any = None,
    source: str = "app",
    reason: str = "",
) -> Subscription:
    """End it when its paid period is over, or `when="now"`; then `refund` is none, unused (by days) or all.

    A bill that is open is voided. One that is being charged at this moment ends it when it is decided: should it turn
    out paid, all of it goes back. Safe inside a transaction; refunds are sent after its commit. Again: no change.
    `reason` (at most 200 characters) is kept in the event and goes to PortOne with the refund.
    Raises ValueError, and NotRefundable or RefundPending, with nothing changed.
    """
    if when not in _WHEN:
        raise ValueError(f'when must be "period_end" or "now", not {when!r}')
    if refund not in _REFUND:
        raise ValueError(f'refund must be "none", "unused" or "all", not {refund!r}')
    if when == "period_end" and refund != "none":
        raise ValueError('refund goes with when="now": until the end of the period everything is used')
    subscribing.cancel(subscription, when=when, refund=refund, by=by, source=source, reason=reason)
    subscription.refresh_from_db()
    return subscription


def resume(subscription: Subscription, *, by: Any = None, source: str = "app") -> Subscription:
    """Take a cancellation back before it ends, or go on after a pause: a new period begins today and is charged now.

    Raises SubscriptionEnded, CardNotUsable, and InsideTransaction after a pause.
    """
    if subscription.state == "paused":
        _refuse_inside_transaction("resume() after a pause charges the card")
    return _charged(subscription, subscribing.resume(subscription, by=by, source=source))


def retry_now(
    subscription: Subscription, *, by: Any = None, source: str = "app", attempt: int | None = None
) -> Subscription:
    """Try the open bill again now, within 20 seconds.

    With the number of the `attempt` that is wanted, two presses of one button make one charge: when it was made
    already, nothing is sent.
    Raises SubscriptionEnded when no bill is open, BillPending while a charge of it is undecided, CardNotUsable,
    InsideTransaction.
    """
    _refuse_inside_transaction("retry_now() charges the card")
    return _charged(subscription, subscribing.retry(subscription, by=by, source=source, attempt=attempt))


def use_key(
    subscription: Subscription, billing_key: BillingKey, *, by: Any = None, source: str = "app"
) -> Subscription:
    """Pay with this card from now on; an open bill is paid with it at once, unless a charge of it is undecided.

    Raises CardNotUsable, SubscriptionEnded, InsideTransaction, and TypeError for what is no card.
    """
    if not isinstance(billing_key, BillingKey):
        wrong = f"use_key() takes a card, not {type(billing_key).__name__}"
        raise TypeError(f"{wrong}. Write: subscription.use_key(billing(user).default_card)")
    _refuse_inside_transaction("use_key() charges an open bill")
    return _charged(subscription, subscribing.use_card(subscription, billing_key, by=by, source=source))


def _charged(subscription: Subscription, payment: Payment | None) -> Subscription:
    if payment is not None:
        charge_now(payment, deadline=WEB_SECONDS)
    subscription.refresh_from_db()
    return subscription


def _refuse_inside_transaction(what: str) -> None:
    try:
        refuse_inside_transaction()
    except InsideTransaction:
        raise InsideTransaction(f"{what}, and a rollback would forget it. Call it after the commit.") from None
