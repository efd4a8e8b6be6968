"""When PortOne is asked again about a payment, so that nothing waits for a webhook or a browser."""

from __future__ import annotations

import datetime as dt

from django.db.models.expressions import Combinable

from ..clock import later, wall
from ..models import Payment

# Seconds since the attempt began; afterwards daily.
AGES = (30, 120, 300, 900, 3600, 6 * 3600)
# What is decided is looked at less often: only for a second payment under the same uid, or a late one.
DECIDED_AGES = (3600, 6 * 3600)
DAY = 24 * 3600
# Money for a closed attempt is still looked for until this long after its end.
AFTERLIFE = dt.timedelta(days=1)


def next_check(payment: Payment) -> Combinable | None:
    """When to ask next (database time), or None when this attempt is decided for good.

    A window may be open somewhere after its attempt was decided, so every attempt is asked about until a day after
    its end; held money is looked at daily, because it may be sent back in PortOne's console without a word to us.
    """
    age = _age(payment)
    if not payment.is_open and not payment.is_held and is_past_afterlife(payment):
        return None
    ages = AGES if payment.is_open or payment.state in ("failed", "expired") else DECIDED_AGES
    step = next((rung for rung in ages if rung > age), age - age % DAY + DAY) - age
    if payment.state == "awaiting_deposit":
        step = min(max(step, 600), 6 * 3600)
    return later(max(step, 5))


def is_past_afterlife(payment: Payment) -> bool:
    """Whether the attempt and its account ended more than a day ago."""
    end = max(payment.expires_at, payment.vbank_expires_at or payment.expires_at) - payment.created_at
    return _age(payment) >= (end + AFTERLIFE).total_seconds()


def _age(payment: Payment) -> float:
    return max((wall() - payment.created_at).total_seconds(), 0)
