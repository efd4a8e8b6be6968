"""A subscription begins, gets another card, is tried again at once, cancelled and taken up again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from .. import clock
from ..conf import QUIET_PERIOD_SECONDS, get_config
from ..exceptions import BillPending, CardNotUsable, SubscriptionConflict, SubscriptionEnded
from ..models import BillingCycle, BillingKey, Payment, Price, Subscription
from ..money import Parts, tax_free_range, vat_range
from ..periods import midnight
from .attempts import UNSENT, drop_unsent, is_resent, next_attempt_no, undecided
from .bills import Bill, end_subscription, next_bill_after
from .dispatch import new_event, record
from .planning import first_bill
from .refunds import carry_on
from .reserving import Ask, reserve, rest_of
from .stepping import lock_bill, void_bill, write_attempt
from .steps import in_one_step

# Without a paid first bill it ends after this.
INCOMPLETE_LIFE = dt.timedelta(hours=24)
AFTER_COMMIT_SECONDS = 20.0
REFUND_REASON = "subscription cancelled"


def begin(
    customer: Any, price: Price, *, billing_key: BillingKey | None, reference: str, metadata: dict[str, Any]
) -> tuple[Subscription, Payment | None]:
    """The customer's subscription under that reference, new or as it is, and the charge to make for it now.

    Raises SubscriptionConflict for another price, CardNotUsable.
    """
    slot = f"{customer.pk}:{reference or price.plan.code}"
    if billing_key is not None:
        refuse_card(billing_key, customer.pk)
    try:
        return in_one_step(lambda: _begin(customer, price, billing_key, reference, slot, metadata))
    except IntegrityError:
        # Another click wrote it between our look and our insert.
        return in_one_step(lambda: _begin(customer, price, billing_key, reference, slot, metadata))


def _begin(
    customer: Any,
    price: Price,
    billing_key: BillingKey | None,
    reference: str,
    slot: str,
    metadata: dict[str, Any],
) -> tuple[Subscription, Payment | None]:
    known = Subscription.objects.select_related("price").filter(live_slot=slot).first()
    if known is not None:
        if known.price_id != price.pk:
            raise SubscriptionConflict(known.public_id, known.price.code, price.code)
        is_waiting = known.state == "incomplete" and billing_key is not None
        return known, _use(known.pk, billing_key, None, "app") if is_waiting and billing_key else None
    subscription = Subscription.objects.create(
        customer=customer,
        price=price,
        billing_key=billing_key,
        reference=reference,
        live_slot=slot,
        anchor=clock.today(),
        cancel_at=clock.now() + INCOMPLETE_LIFE,
        metadata=metadata,
    )
    record([new_event("subscription.created", subscription=subscription, source="app")])
    return subscription, _bill_first(subscription) if billing_key is not None else None


def use_card(subscription: Subscription, billing_key: BillingKey, *, by: Any = None, source: str) -> Payment | None:
    """Pay with that card from now on; the charge to make now, when a bill is open. Raises CardNotUsable,
    SubscriptionEnded."""
    refuse_card(billing_key, subscription.customer_id)
    return in_one_step(lambda: _use(subscription.pk, billing_key, by, source))


def _use(pk: int, billing_key: BillingKey, by: Any, source: str) -> Payment | None:
    bill = _lock(pk, source)
    subscription = bill.subscription if isinstance(bill, Bill) else bill
    if subscription.state == "ended":
        raise SubscriptionEnded(subscription.state, "use another card")
    was = subscription.billing_key_id
    subscription.billing_key = billing_key
    if was != billing_key.pk:
        data = {"from": was, "to": billing_key.pk, "user": getattr(by, "pk", None)}
        record([new_event("subscription.card_changed", subscription=subscription, source=source, data=data)])
    if not isinstance(bill, Bill):
        subscription.save(update_fields=["billing_key", "updated_at"])
        is_unbilled = subscription.state == "incomplete" and subscription.cycle_no == 0
        return _bill_first(subscription) if is_unbilled else None
    payment = _attempt(bill, billing_key)
    bill.save()
    return payment


def retry(subscription: Subscription, *, by: Any, source: str, attempt: int | None = None) -> Payment:
    """The charge to make now for the open bill; where that `attempt` at it was made already, the newest one.

    Raises SubscriptionEnded when no bill is open, CardNotUsable, BillPending while a charge of it is undecided."""
    return in_one_step(partial(_retry, subscription.pk, by, source, attempt))


def _retry(pk: int, by: Any, source: str, attempt: int | None) -> Payment:
    bill = _lock(pk, source)
    if not isinstance(bill, Bill):
        raise SubscriptionEnded(bill.state, "try a bill again: none is open")
    if attempt is not None and attempt < next_attempt_no(bill.order):
        return Payment.objects.filter(order=bill.order).latest("attempt_no")
    key = bill.subscription.billing_key
    if key is None:
        raise CardNotUsable("none", "the subscription has no card. Write: subscription.use_key(billing_key)")
    refuse_card(key, bill.subscription.customer_id)
    payment = _attempt(bill, key)
    if payment is None:
        pending = undecided(bill.order)
        if pending is None:
            raise BillPending("", "settling", "try the bill again: the last charge may still be on its way")
        raise BillPending(pending.merchant_uid, pending.state, "try the bill again")
    bill.event("bill.retried", user=getattr(by, "pk", None))
    record(bill.events)
    bill.save()
    return payment


def _attempt(bill: Bill, key: BillingKey) -> Payment | None:
    """A charge with this card that may go out now; None while another one may still take the money."""
    order = bill.order
    waiting = Payment.objects.filter(UNSENT, order=order).first()
    if waiting is not None and waiting.billing_key_id == key.pk:
        return waiting
    drop_unsent(order)
    if undecided(order):
        return None
    if is_resent(order):
        bill.try_once_more(QUIET_PERIOD_SECONDS)
        return None
    return write_attempt(bill, key)


def _bill_first(subscription: Subscription) -> Payment | None:
    price = Price.objects.select_related("plan").get(pk=subscription.price_id)
    return first_bill(subscription, price).payment


def _lock(pk: int, source: str) -> Bill | Subscription:
    """The open bill with its subscription, or the subscription alone, locked in the order of all locks."""
    while True:
        order_id = BillingCycle.objects.is_open().filter(subscription=pk).values_list("order_id", flat=True).first()
        if order_id is not None:
            bill = lock_bill(order_id, source)
            if bill.cycle.is_open:
                return bill
            continue
        subscription = Subscription.objects.select_for_update().get(pk=pk)
        if not BillingCycle.objects.is_open().filter(subscription=pk).exists():
            return subscription


def refuse_card(key: BillingKey, customer_id: Any) -> None:
    """Raise CardNotUsable unless it may be charged for this customer."""
    key.refresh_from_db()
    if key.customer_id is None or key.customer_id != customer_id:
        raise CardNotUsable(key.state, "it belongs to another customer.")
    if not key.is_usable:
        raise CardNotUsable(key.state, f"it is {key.deletion or key.state}. Use another card.")


# Ending and going on ---------------------------------------------------------------------------------------------


def cancel(
    subscription: Subscription, *, when: str, refund: str, by: Any, source: str, reason: str = ""
) -> Subscription:
    """Asked for once or often: it ends with its paid period, or now. Raises as the refund does, with no change."""
    return in_one_step(partial(_cancel, subscription.pk, when, refund, by, source, reason))


def end_of_paid(subscription: Subscription) -> dt.datetime | None:
    """When it would end if it were cancelled with its paid period; None: at once, as nothing paid is left of it."""
    if subscription.period_end is None or subscription.state == "paused":
        return None
    end = midnight(subscription.period_end, get_config().zone)
    is_later = end > clock.now() and not BillingCycle.objects.is_open().filter(subscription=subscription).exists()
    return end if is_later else None


def is_on_its_way_out(subscription: Subscription) -> bool:
    """Whether it was cancelled at once, and only waits until a charge of its bill is decided."""
    is_over = subscription.cancel_at is not None and subscription.cancel_at <= clock.now()
    return is_over and subscription.state != "ended" and subscription.cancel_refund == "all"


def _cancel(pk: int, when: str, refund: str, by: Any, source: str, reason: str) -> Subscription:
    locked = _lock(pk, source)
    bill = locked if isinstance(locked, Bill) else None
    subscription = bill.subscription if bill else locked
    assert isinstance(subscription, Subscription)  # noqa: S101  (for the type checker)
    if subscription.state == "ended" or is_on_its_way_out(subscription):
        return subscription
    events = bill.events if bill else []
    data = {"when": when, "refund": refund, "user": getattr(by, "pk", None)}
    if reason:
        data["reason"] = reason
    later = end_of_paid(subscription) if when == "period_end" else None
    if later is not None:
        if subscription.cancel_at is not None:
            return subscription
        subscription.cancel_at, subscription.next_bill_at = later, None
    else:
        subscription.cancel_at, subscription.next_bill_at = clock.now(), None
        subscription.cancel_refund = "all"  # of a bill whose charge is not decided yet
        if when == "now" and refund != "none":
            _give_back(subscription, refund, Ask(None, None, None, reason or REFUND_REASON, source, by=by))
        if bill is None or void_bill(bill):
            end_subscription(subscription, Subscription.End.CANCELLED, events, source)
        else:
            bill.touch()
    data["ends_at"] = subscription.cancel_at.isoformat() if subscription.cancel_at else None
    events.append(new_event("subscription.cancelled", subscription=subscription, source=source, data=data))
    if bill:
        bill.save()
    else:
        subscription.save()
    record(events)
    return subscription


def what_goes_back(subscription: Subscription, how: str) -> tuple[Payment, int] | None:
    """The payment of the period that runs now, and how many won of it a refund of "unused" or "all" is."""
    today = clock.today()
    paid = BillingCycle.objects.filter(subscription=subscription, state="paid")
    cycle = paid.filter(period_start__lte=today, period_end__gt=today).first()
    payment = Payment.objects.filter(paid_slot=cycle.order_id).first() if cycle else None
    if cycle is None or payment is None:
        return None
    amount = payment.remaining_amount
    if how == "unused":
        # Today is used; the fraction of a won stays with the customer's days.
        unused = (cycle.period_end - today).days - 1
        amount = min(payment.amount * unused // (cycle.period_end - cycle.period_start).days, amount)
    return (payment, amount) if amount > 0 else None


def _give_back(subscription: Subscription, how: str, ask: Ask) -> None:
    """Reserve the refund of the period that runs now; sent after the commit."""
    found = what_goes_back(subscription, how)
    if found is None:
        return
    payment, amount = found
    rest, is_exact = rest_of(payment)
    tax_free, vat = _parts(payment, rest, amount, is_exact)
    refund, is_new = reserve(payment, replace(ask, amount=amount, tax_free_amount=tax_free, vat_amount=vat))
    if is_new:
        transaction.on_commit(lambda: carry_on(refund, deadline=AFTER_COMMIT_SECONDS), robust=True)


def _parts(payment: Payment, rest: Parts, amount: int, is_exact: bool) -> tuple[int | None, int | None]:
    """The same share of the tax-free amount and the VAT, as near as what remains allows."""
    tax_free = vat = None
    if rest.tax_free_amount is not None:
        low, high = tax_free_range(rest, amount, is_exact)
        tax_free = min(max((payment.tax_free_amount or 0) * amount // payment.amount, low), high)
    if rest.vat_amount is not None:
        low, high = vat_range(rest, amount, tax_free or 0, is_exact)
        vat = min(max((payment.vat_amount or 0) * amount // payment.amount, low), high)
    return tax_free, vat


def resume(subscription: Subscription, *, by: Any, source: str) -> Payment | None:
    """Take a cancellation back, or begin a new period after a pause: then the charge to make now.

    Raises SubscriptionEnded, CardNotUsable.
    """
    return in_one_step(partial(_resume, subscription.pk, by, source))


def _resume(pk: int, by: Any, source: str) -> Payment | None:
    locked = _lock(pk, source)
    subscription = locked.subscription if isinstance(locked, Bill) else locked
    is_over = subscription.cancel_at is not None and subscription.cancel_at <= clock.now()
    if subscription.state in ("ended", "incomplete") or is_over:
        raise SubscriptionEnded(subscription.state, "resume")
    if subscription.state == "paused":
        if isinstance(locked, Bill):
            return None  # its new period is being paid already
        payment = _begin_anew(subscription)
        _note_resumed(subscription, by, source, "subscription.resume_asked")
        return payment
    if subscription.cancel_at is None:
        return None
    newest = BillingCycle.objects.filter(subscription=subscription, number=subscription.cycle_no).first()
    subscription.cancel_at = None
    subscription.next_bill_at = _due_again(newest) if newest else clock.now()
    subscription.save(update_fields=["cancel_at", "next_bill_at", "updated_at"])
    _note_resumed(subscription, by, source, "subscription.resumed")
    return None


def _due_again(newest: BillingCycle) -> dt.datetime:
    """When the next bill would have been made without the cancellation."""
    if newest.paid_at is None:
        return newest.next_due_at
    # The moment was written by the host's own clock, and all others here are of the one that can be moved.
    return next_bill_after(newest, paid_at=clock.now() - (clock.wall() - newest.paid_at))


def _note_resumed(subscription: Subscription, by: Any, source: str, kind: str) -> None:
    data = {"user": getattr(by, "pk", None)}
    record([new_event(kind, subscription=subscription, source=source, data=data)])


def _begin_anew(subscription: Subscription) -> Payment | None:
    """After a pause periods are counted from today, or from tomorrow when one began today and was given up."""
    key = subscription.billing_key
    if key is None:
        raise CardNotUsable("none", "the subscription has no card. Write: subscription.use_key(billing_key)")
    refuse_card(key, subscription.customer_id)
    newest = BillingCycle.objects.filter(subscription=subscription).order_by("number").last()
    free = newest.period_start + dt.timedelta(days=1) if newest else clock.today()
    subscription.anchor, subscription.anchor_no = max(clock.today(), free), subscription.cycle_no + 1
    subscription.save(update_fields=["anchor", "anchor_no", "updated_at"])
    return _bill_first(subscription)


__all__ = [
    "begin",
    "cancel",
    "end_of_paid",
    "is_on_its_way_out",
    "refuse_card",
    "resume",
    "retry",
    "use_card",
    "what_goes_back",
]
