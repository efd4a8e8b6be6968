"""The sweep: settles every open attempt with no webhook and no redirect, expires what lapsed, sends what waits."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from ..clock import Tick, later
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import Heartbeat, Payment
from . import dispatch, webhooks
from .breaker import DEADLINE_SECONDS, Breaker
from .expiry import expire_orders
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.reconciliation")

HEARTBEAT = "reconcile"
LEASE_SECONDS = 120


@dataclass(slots=True)
class Report:
    """What one sweep did, in counts."""

    webhooks: int = 0
    checked: int = 0
    changed: int = 0
    unreachable: int = 0
    orders_expired: int = 0
    events: int = 0
    gave_up: bool = False


def reconcile(
    *,
    everything: bool = False,
    limit: int = 1000,
    seconds: float = math.inf,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """One sweep; safe to run at any time, any number at once. Each result is committed on its own.

    `everything` asks about every open attempt now, not only about those that are due. No further
    question is begun after `seconds` of the wall clock. `progress` is called after each payment.
    """
    report = Report()
    breaker, end = Breaker(), time.monotonic() + seconds
    report.orders_expired = expire_orders()
    report.events = dispatch.dispatch_waiting()
    report.webhooks = webhooks.process_due(limit, breaker)
    for payment in () if breaker.is_open else _claimed(everything=everything, limit=limit):
        breaker.note(_check(payment, report))
        progress(report)
        if breaker.is_open or time.monotonic() > end:
            break
    report.orders_expired += expire_orders()
    if breaker.is_open:
        report.gave_up = True
        logger.error("PortOne does not answer; the sweep stops and will try again.")
    if not report.gave_up:
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": Tick()})
    return report


def count_due(*, everything: bool = False) -> int:
    """How many attempts the next sweep will ask about."""
    return _due(everything=everything).count()


def _claimed(*, everything: bool, limit: int) -> Iterator[Payment]:
    for payment in _due(everything=everything).order_by("next_check_at")[:limit]:
        mine = Payment.objects.filter(pk=payment.pk, next_check_at=payment.next_check_at)
        if mine.update(next_check_at=later(LEASE_SECONDS)):
            yield payment


def _due(*, everything: bool) -> QuerySet[Payment]:
    if everything:
        return Payment.objects.filter(next_check_at__isnull=False, state__in=OPEN_PAYMENT_STATES)
    return Payment.objects.filter(next_check_at__lte=Tick())


def _check(payment: Payment, report: Report) -> Outcome | None:
    report.checked += 1
    try:
        result = sync_payment(payment.merchant_uid, source="sweep", deadline=DEADLINE_SECONDS, payment=payment)
    except Exception:
        # One poisoned row must not stop the others; its lease moves it to the end of the queue.
        logger.exception("Payment %s could not be settled.", payment.merchant_uid)
        return None
    if result.outcome is Outcome.UNREACHABLE:
        report.unreachable += 1
    elif result.payment is not None and result.payment.state != payment.state:
        report.changed += 1
    return result.outcome
