"""When PortOne is asked again about a payment, so that nothing waits for a webhook or a browser."""

from __future__ import annotations

import datetime as dt

from django.db.models.expressions import Combinable

from ..clock import later, wall
from ..models import Payment

# Seconds since the attempt began; afterwards daily.
AGES = (30, 120, 300, 900, 3600, 6 * 3600)
DAY = 24 * 3600
# Money for a closed attempt is still looked for until this long after its end.
AFTERLIFE = dt.timedelta(days=1)


def next_check(payment: Payment) -> Combinable | None:
    """When to ask next (database time), or None when this attempt is decided for good.

    A failed or expired attempt is asked about until a day after its end: a window may still be open somewhere.
    """
    age = max((wall() - payment.created_at).total_seconds(), 0)
    if not payment.is_open and not _may_still_pay(payment, age):
        return None
    rungs = (rung for rung in AGES if rung > age)
    step = next(rungs, age - age % DAY + DAY) - age
    if payment.state == "awaiting_deposit":
        step = min(max(step, 600), 6 * 3600)
    return later(max(step, 5))


def _may_still_pay(payment: Payment, age: float) -> bool:
    if payment.state not in ("failed", "expired"):
        return False
    end = max(payment.expires_at, payment.vbank_expires_at or payment.expires_at) - payment.created_at
    return age < (end + AFTERLIFE).total_seconds()
