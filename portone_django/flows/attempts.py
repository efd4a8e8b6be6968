"""One attempt to take the money of an order, before anything is sent."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, Q

from .. import clock
from ..clock import Tick, later
from ..conf import LEASE_SECONDS, QUIET_PERIOD_SECONDS
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import BillingKey, Order, Payment
from .channels import Expectation

UNDECIDED = OPEN_PAYMENT_STATES | {"quarantined", "review"}
# Nothing of it has ever left: no money of it can come.
UNSENT = Q(state="created") | Q(state="pending", sent_at=None, send_count=0)
# What such an attempt becomes when nobody wants its money any more; whoever has claimed it finds it gone.
DROPPED: dict[str, Any] = {"state": "expired", "open_slot": None, "charge_due_at": None, "lease_token": ""}


def draft_attempt(
    order: Order, channel: str, expected: Expectation, *, merchant_uid: str, attempt_no: int, **more: Any
) -> Payment:
    """An unsaved attempt: what is sold, and what PortOne's record of it must look like, frozen as they are now."""
    return Payment(
        order=order,
        attempt_no=attempt_no,
        merchant_uid=merchant_uid,
        open_slot=order.pk,
        amount=order.amount,
        currency=order.currency,
        tax_free_amount=order.tax_free_amount,
        vat_amount=order.vat_amount,
        name=order.name,
        channel=channel,
        expected_pg_provider=expected.pg_provider,
        expected_pg_id=expected.pg_id,
        expected_sandbox=expected.sandbox,
        **more,
    )


def charge_attempt(order: Order, key: BillingKey, merchant_uid: str, attempt_no: int) -> Payment:
    """An unsaved attempt with a card on file, due at once."""
    return draft_attempt(
        order,
        key.channel,
        Expectation(key.expected_pg_provider, key.expected_pg_id, key.expected_sandbox),
        merchant_uid=merchant_uid,
        attempt_no=attempt_no,
        billing_key=key,
        customer_uid=key.customer_uid,
        expires_at=clock.wall(),
        charge_due_at=Tick(),
    )


def last_attempt_no(order: Order) -> int:
    """The number of the newest attempt; 0 before the first."""
    return Payment.objects.filter(order=order).aggregate(last=Max("attempt_no"))["last"] or 0


def undecided(order: Order) -> Payment | None:
    """An attempt at the order whose money may still come, or waits for a person: no second one beside it."""
    held = Payment.objects.is_held().filter(order=order)
    return Payment.objects.filter(order=order, state__in=UNDECIDED).first() or held.first()


def is_resent(order: Order) -> bool:
    """Whether a charge of it was sent more than once within the quiet period: although one answer said no, the other
    may still be on its way."""
    sent = Payment.objects.filter(order=order, send_count__gt=1, sent_at__gt=later(-QUIET_PERIOD_SECONDS))
    return sent.exists()


def drop_unsent(order: Order) -> None:
    """What was never sent of the order never is. A compare-and-swap: an attempt on its way is left alone."""
    Payment.objects.is_charge().filter(UNSENT, order=order).update(**DROPPED)


def next_attempt_no(order: Order) -> int:
    """The number of the attempt that goes out next: one that waits to be sent, or a new one."""
    newest = last_attempt_no(order)
    return newest if Payment.objects.filter(UNSENT, order=order).exists() else newest + 1


def lease_to(payment: Payment, lease: str) -> None:
    """Claimed for the caller in the commit that writes it; without a lease anybody may have it."""
    if lease:
        payment.lease_token, payment.charge_due_at = lease, later(LEASE_SECONDS)
