"""The sweep: settles every open attempt with no webhook and no redirect, expires what lapsed, sends what waits."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from ..clock import Tick
from ..gateway import get_client
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import BillingKey, Heartbeat, Payment, Refund
from . import dispatch, keys, ladder, notices, webhooks
from .breaker import DEADLINE_SECONDS, KEYS_REFUSED, Breaker
from .due import claimed
from .expiry import expire_orders
from .receipts import carry_on_due
from .refunds import carry_on
from .rereading import BATCH, reread
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.reconciliation")

HEARTBEAT = "reconcile"


@dataclass(slots=True)
class Report:
    """What one sweep did, in counts; `is_refused`: PortOne refused our keys."""

    webhooks: int = 0
    checked: int = 0
    changed: int = 0
    unreachable: int = 0
    reread: int = 0
    refunds: int = 0
    receipts: int = 0
    cards: int = 0
    orders_expired: int = 0
    events: int = 0
    notices: int = 0
    gave_up: bool = False
    is_refused: bool = False


def reconcile(
    *,
    everything: bool = False,
    limit: int = 1000,
    seconds: float = math.inf,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """One sweep; safe to run at any time, any number at once. Each result is committed on its own.

    `everything` asks about every open attempt now, not only about those that are due. No further
    question is begun after `seconds` of the wall clock. `progress` is called after each refund, card and payment; what
    it raises ends the sweep there.
    """
    report = Report()
    breaker, end = Breaker(), time.monotonic() + seconds
    report.orders_expired = expire_orders()
    report.events = dispatch.dispatch_waiting()
    client = get_client()
    refused_before = client.refused_keys
    report.webhooks = webhooks.process_due(limit, breaker)
    progress(report)
    _carry_on_refunds(report, breaker, progress, limit=limit, end=end)
    report.receipts = carry_on_due(breaker, limit=limit, end=end)
    progress(report)
    _carry_on_cards(report, breaker, progress, limit=limit, end=end)
    settled: list[Payment] = []
    for payment in () if breaker.is_open else claimed(_due(everything=everything), limit=limit):
        if ladder.is_reread(payment):
            settled.append(payment)
        else:
            breaker.note(_check(payment, report))
            progress(report)
        if len(settled) == BATCH:
            _reread(settled, report, breaker, progress)
        if breaker.is_open or time.monotonic() > end:
            break
    if settled and not breaker.is_open:
        _reread(settled, report, breaker, progress)
    report.orders_expired += expire_orders()
    # Last: a mail server that hangs holds up nothing but mails.
    report.notices = notices.send_due(end=end)
    report.is_refused = client.refused_keys > refused_before
    report.gave_up = breaker.is_open
    if report.is_refused:
        logger.error(KEYS_REFUSED)
    elif report.gave_up:
        logger.error("PortOne does not answer; the sweep stops and will try again.")
    if not report.gave_up:
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": Tick()})
    return report


def count_due(*, everything: bool = False) -> int:
    """How many attempts the next sweep will ask about."""
    return _due(everything=everything).count()


def _carry_on_refunds(
    report: Report, breaker: Breaker, progress: Callable[[Report], None], *, limit: int, end: float
) -> None:
    due = Refund.objects.filter(next_check_at__lte=Tick())
    for refund in claimed(due, limit=limit, breaker=breaker, end=end):
        try:
            report.refunds += not carry_on(refund, breaker=breaker).is_open
        except Exception:
            logger.exception("Refund %s could not be carried on; it will be tried again.", refund.pk)
        progress(report)


def _carry_on_cards(
    report: Report, breaker: Breaker, progress: Callable[[Report], None], *, limit: int, end: float
) -> None:
    due = BillingKey.objects.filter(next_check_at__lte=Tick())
    for key in claimed(due, limit=limit, breaker=breaker, end=end):
        try:
            breaker.note(keys.carry_on(key))
            report.cards += 1
        except Exception:
            logger.exception("Card %s could not be carried on; it will be tried again.", key.public_id)
        progress(report)


def _due(*, everything: bool) -> QuerySet[Payment]:
    if everything:
        return Payment.objects.filter(next_check_at__isnull=False, state__in=OPEN_PAYMENT_STATES)
    return Payment.objects.filter(next_check_at__lte=Tick())


def _reread(payments: list[Payment], report: Report, breaker: Breaker, progress: Callable[[Report], None]) -> None:
    """Read the collected payments again, and collect anew."""
    report.reread += len(payments)
    try:
        report.changed += reread(payments, breaker)
    except Exception:
        # One poisoned row must not stop the others; the lease moves all of them to the end of the queue.
        logger.exception("%d payments could not be read again.", len(payments))
    for _each in payments:
        progress(report)
    payments.clear()


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
