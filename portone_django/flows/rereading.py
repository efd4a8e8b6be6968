"""The rolling re-read: a hundred settled payments with one call, so that no refund in PortOne's console is missed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from .. import evidence
from ..clock import wall
from ..gateway import MalformedAnswer, PaymentRecord, PortOneError, get_client
from ..models import Payment
from . import ladder
from .breaker import DEADLINE_SECONDS, MAX_UNREACHABLE_IN_A_ROW, Breaker
from .settlement import apply_records
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.reconciliation")

BATCH = 100


def reread(payments: Sequence[Payment], breaker: Breaker) -> int:
    """Read at most a hundred payments again; returns how many had changed. One that is not shown waits for its turn."""
    by_imp_uid = {str(payment.imp_uid): payment for payment in payments}
    try:
        found = get_client().get_payments(by_imp_uid, deadline=DEADLINE_SECONDS)
    except MalformedAnswer as error:
        logger.error("The answer about %d payments cannot be read: %s", len(payments), error.reason)
        return _one_by_one(payments, breaker)
    except PortOneError as error:
        logger.warning("%d payments could not be read again: %s", len(payments), type(error).__name__)
        breaker.note(Outcome.UNREACHABLE)
        return 0
    breaker.note(Outcome.APPLIED)
    records = {record.imp_uid: record for record in found}
    return sum(_take_alone(payment, records.get(imp_uid)) for imp_uid, payment in by_imp_uid.items())


def _one_by_one(payments: Sequence[Payment], breaker: Breaker) -> int:
    """One record that cannot be read must not hide the others for ever; several in a row are PortOne's own trouble."""
    changed = unreadable = 0
    for payment in payments:
        result = sync_payment(payment.merchant_uid, source="reread", deadline=DEADLINE_SECONDS, payment=payment)
        breaker.note(result.outcome)
        unreadable = unreadable + 1 if result.outcome is Outcome.UNREADABLE else 0
        if breaker.is_open or unreadable >= MAX_UNREACHABLE_IN_A_ROW:
            break
        changed += _has_changed(payment, result.payment or payment)
    return changed


def _take_alone(payment: Payment, record: PaymentRecord | None) -> bool:
    try:
        return _take(payment, record)
    except Exception:
        # One poisoned row must not stop the others; the sweep's lease moves it to the end of the queue.
        logger.exception("Payment %s could not be settled.", payment.merchant_uid)
        return False


def _take(payment: Payment, record: PaymentRecord | None) -> bool:
    if record is not None and _is_news(payment, record):
        return _has_changed(payment, apply_records(payment.merchant_uid, [record], source="reread"))
    # A record that is missing proves nothing: whether a list hides test payments is documented nowhere.
    checked = {"checked_at": wall()} if record is not None else {}
    Payment.objects.filter(pk=payment.pk).update(next_check_at=ladder.next_check(payment), **checked)
    return False


def _is_news(payment: Payment, record: PaymentRecord) -> bool:
    return evidence.finding(record) == evidence.PAID and record.cancel_amount != payment.cancel_amount


def _has_changed(before: Payment, after: Payment) -> bool:
    return after.state != before.state or after.cancel_amount != before.cancel_amount
