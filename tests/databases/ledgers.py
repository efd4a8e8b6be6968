"""The two books of a test, ours and the sandbox's, and the time that heals what was left open."""

from __future__ import annotations

from typing import Any

from portone_django.clock import later
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Payment, Refund
from tests.shop import Shop

MOST_SWEEPS = 5


def let_time_pass(shop: Shop, *, sweep: bool = True) -> None:
    """Sweeps, each after every lease and waiting time, until no refund is open; without `sweep` only the time."""
    for _ in range(MOST_SWEEPS):
        shop.quiet()
        Payment.objects.filter(next_check_at__isnull=False).update(next_check_at=later(-1))
        Event.objects.filter(dispatched_at=None).update(created_at=later(-24 * 3600))
        if sweep:
            reconcile()
        if not Refund.objects.is_open().exists():
            return


def ask_no_more() -> None:
    """What was done so far is left alone by the sweeps to come."""
    Payment.objects.update(next_check_at=None)


def differences(shop: Shop) -> list[tuple[Any, ...]]:
    """Where our rows and PortOne's records disagree about money; every payment, every cancel."""
    found: list[tuple[Any, ...]] = []
    for payment in Payment.objects.exclude(imp_uid=None):
        record = shop.sandbox.payment(payment.imp_uid)
        ours = (payment.received_amount, payment.cancel_amount)
        theirs = (record["amount"], record["cancel_amount"])
        refunds = Refund.objects.filter(payment=payment, state="succeeded")
        ids = sorted(str(each.cancellation_id) for each in refunds)
        if ours != theirs or ids != sorted(each["cancellation_id"] for each in record["cancel_history"]):
            found.append((payment.merchant_uid, payment.state, ours, theirs, ids))
    return found
