"""Refunds that were made outside PortOne: nobody but a person knows of them, so a person writes them down."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError

from .. import clock
from ..exceptions import NotRefundable, RefundConflict, RefundPending
from ..models import Payment, Refund
from ..money import require_won
from .attempt import LockedAttempt
from .cancellations import announce, follow_refunds
from .reserving import check_text, user_of
from .steps import in_one_step


def record_external(
    payment: Payment, *, amount: int, refunded_on: dt.date, reference: str, reason: str, by: Any
) -> Refund:
    """The row of a refund made elsewhere, with its events; one per reference. Raises as refunds.record_refund."""
    check_text("reference", reference, 100)
    check_text("reason", reason, 200)
    require_won(amount, "amount")

    def step() -> Refund:
        return _record(payment.merchant_uid, amount, refunded_on, reference, reason, by)

    try:
        return in_one_step(step)
    except IntegrityError:
        return in_one_step(step)  # the reference was taken by somebody else between our look and our insert


def _record(merchant_uid: str, amount: int, refunded_on: dt.date, reference: str, reason: str, by: Any) -> Refund:
    attempt = LockedAttempt(merchant_uid, (), "admin" if by else "app")
    payment = attempt.payment
    if known := Refund.objects.filter(reference=reference).first():
        if (known.payment_id, known.amount, known.source, known.reference) != (
            payment.pk, amount, "external", reference,
        ):  # fmt: skip
            raise RefundConflict(reference)
        return known
    if not payment.is_received and payment.state not in ("quarantined", "review"):
        raise NotRefundable(payment.state, f"the payment is {payment.state}, so no money of it is here.")
    if open_refund := Refund.objects.filter(open_slot=payment.imp_uid).first():
        raise RefundPending(open_refund.pk, open_refund.state, open_refund.amount)
    if not 1 <= amount <= payment.remaining_amount:
        raise ValueError(f"amount must be between 1 and what remains ({payment.remaining_amount}), not {amount}")
    refund = Refund.objects.create(
        payment=payment,
        imp_uid=payment.imp_uid or "",
        reference=reference,
        source="external",
        state="succeeded",
        amount=amount,
        checksum=payment.remaining_amount,
        reason=reason,
        requested_by=user_of(by),
        refunded_on=refunded_on,
        settled_at=clock.wall(),
    )
    payment.external_refund_amount += amount
    attempt.event("refund.recorded", refund=refund, amount=amount, reason=reason, user=refund.requested_by_id)
    announce(attempt, refund)
    follow_refunds(attempt)
    attempt.finish()
    return refund
