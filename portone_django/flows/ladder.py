"""When PortOne is asked again about a payment, so that nothing waits for a webhook or a browser."""

from __future__ import annotations

import datetime as dt

from django.db.models.expressions import Combinable

from ..clock import later, wall
from ..models import BillingKey, Payment

# Seconds since the attempt began; afterwards daily.
AGES = (30, 120, 300, 900, 3600, 6 * 3600)
# What is decided is looked at less often: only for a second payment under the same uid, or a late one.
DECIDED_AGES = (3600, 6 * 3600)
DAY = 24 * 3600
# Money for a closed attempt is still looked for until this long after its end.
AFTERLIFE = dt.timedelta(days=1)
CHARGE_AFTERLIFE = dt.timedelta(days=7)
# A refund made in PortOne's console may come without a webhook: received money is read again, daily, then weekly.
REREAD_DAILY, REREAD_WEEKLY = dt.timedelta(days=30), dt.timedelta(days=180)
_WITH_MONEY = ("paid", "partially_refunded", "quarantined", "review")


def next_check(payment: Payment) -> Combinable | None:
    """When to ask next (database time), or None when this attempt is decided for good.

    A window may be open somewhere after its attempt was decided, so every attempt is asked about until a day after
    its end; held money is looked at daily, because it may be sent back in PortOne's console without a word to us.
    """
    age = _age(payment)
    if payment.is_charge and payment.is_open:
        return None  # the engine's: charge_due_at
    if is_reread(payment):
        return _next_reread(payment)
    is_watched = payment.is_held or payment.has_surplus
    if not payment.is_open and not is_watched and is_past_afterlife(payment):
        return None
    is_open_somewhere = payment.is_open or payment.state in ("failed", "expired")
    ages = AGES if is_open_somewhere and not payment.is_charge else DECIDED_AGES
    step = next((rung for rung in ages if rung > age), age - age % DAY + DAY) - age
    if payment.state == "awaiting_deposit":
        step = min(max(step, 600), 6 * 3600)
    return later(max(step, 5))


def next_registration_check(key: BillingKey) -> Combinable | None:
    """When to ask about a card's registration next; a failed one is watched until a day after its window closed."""
    if key.state not in ("pending", "failed") or (key.state == "failed" and is_registration_over(key)):
        return None
    age = max((wall() - key.created_at).total_seconds(), 0)
    return later(max(next((rung for rung in AGES if rung > age), age - age % DAY + DAY) - age, 5))


def is_registration_over(key: BillingKey) -> bool:
    """Whether the window of a registration closed more than a day ago."""
    return wall() - key.created_at >= key.expires_at - key.created_at + AFTERLIFE


def is_reread(payment: Payment) -> bool:
    """Whether all that can still happen to it is a refund: a hundred such payments are read with one call."""
    if payment.state not in _WITH_MONEY or payment.is_held or payment.has_surplus or not payment.imp_uid:
        return False
    # No window stays open behind a charge.
    return payment.is_charge or is_past_afterlife(payment)


def is_past_afterlife(payment: Payment) -> bool:
    """Whether the attempt and its account ended more than a day ago; an undecided charge is asked about for a week
    after it was sent."""
    if payment.is_charge and payment.is_open:
        return wall() - (payment.sent_at or payment.created_at) >= CHARGE_AFTERLIFE
    end = max(payment.expires_at, payment.vbank_expires_at or payment.expires_at) - payment.created_at
    return _age(payment) >= (end + AFTERLIFE).total_seconds()


def _next_reread(payment: Payment) -> Combinable | None:
    age = wall() - (payment.paid_at or payment.created_at)
    if age >= REREAD_WEEKLY:
        return None
    return later(DAY if age < REREAD_DAILY else 7 * DAY)


def _age(payment: Payment) -> float:
    return max((wall() - payment.created_at).total_seconds(), 0)
