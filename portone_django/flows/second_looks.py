"""When PortOne is asked about a charge again, and what else it is asked before one that it does not know is sent again
or its refusal believed."""

from __future__ import annotations

from ..clock import wall
from ..conf import QUIET_PERIOD_SECONDS
from ..gateway import NotFound, PaymentRecord, PortOneError, get_client
from ..models import Payment

# Kill Bill's ladder after a send, in quiet periods: 20 s, 2 min, 10 min, 11 min, 1 h; then daily.
LOOKS = tuple(QUIET_PERIOD_SECONDS * part for part in (1 / 30, 1 / 5, 1, 1.1, 6))
SHORTEST_SECONDS = QUIET_PERIOD_SECONDS / 120


def pause(payment: Payment) -> float:
    """Seconds until the next look, by the time since the send."""
    age = max((wall() - (payment.sent_at or payment.created_at)).total_seconds(), 0.0)
    return max(next((rung for rung in LOOKS if rung > age), age + 24 * 3600) - age, SHORTEST_SECONDS)


def seen_elsewhere(payment: Payment, *, deadline: float) -> list[PaymentRecord] | None:
    """Its records in the list of its card's payments, as whether findAll shows test payments is documented nowhere;
    None when PortOne did not answer."""
    try:
        seen = get_client().billing_key_payments(payment.customer_uid, deadline=deadline)
    except NotFound:
        return []
    except PortOneError:
        return None
    return [each for each in seen if each.merchant_uid == payment.merchant_uid]


def is_key_gone(payment: Payment, *, deadline: float) -> bool:
    """Whether PortOne knows no such card any more."""
    try:
        get_client().get_billing_key(payment.customer_uid, deadline=deadline)
    except NotFound:
        return True
    except PortOneError:
        return False
    return False
