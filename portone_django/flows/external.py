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
from .cancellations import announce, follow_refunds, holds_surplus
from .reserving import check_text, user_of
from .steps import in_one_step


def record_external(
    payment: Payment, *, amount: int, refunded_on: dt.date, reference: str, reason: str, by: Any, imp_uid: str | None
) -> Refund:
    """The row of a refund made elsewhere, with its events; one per reference. Raises as refunds.record_refund."""
    check_text("reference", reference, 100)
    check_text("reason", reason, 200)
    require_won(amount, "amount")

    def step() -> Refund:
        return _record(payment.merchant_uid, imp_uid, amount, refunded_on, reference, reason, by)

    try:
        return in_one_step(step)
    except IntegrityError:
        return in_one_step(step)  # the reference was taken by somebody else between our look and our insert


def _record(
    merchant_uid: str, second: str | None, amount: int, refunded_on: dt.date, reference: str, reason: str, by: Any
) -> Refund:
    attempt = LockedAttempt(merchant_uid, (), "admin" if by else "app")
    payment = attempt.payment
    if known := Refund.objects.filter(reference=reference).first():
        if (known.payment_id, known.amount, known.source, known.reference, known.imp_uid) != (
            payment.pk, amount, "external", reference, second or payment.imp_uid or "",
        ):  # fmt: skip
            raise RefundConflict(reference)
        return known
    is_second = second is not None and second != payment.imp_uid
    imp_uid = second if is_second else payment.imp_uid
    if is_second and imp_uid not in payment.surplus:
        raise NotRefundable(payment.state, f"{imp_uid} is not a record of this payment that took money.")
    if not is_second and not payment.is_received and payment.state not in ("quarantined", "review"):
        raise NotRefundable(payment.state, f"the payment is {payment.state}, so no money of it is here.")
    if imp_uid and (open_refund := Refund.objects.filter(open_slot=imp_uid).first()):
        raise RefundPending(open_refund.pk, open_refund.state, open_refund.amount)
    taken, back, method = payment.surplus[imp_uid] if is_second else (payment.remaining_amount, 0, "")
    if not 1 <= amount <= taken - back:
        raise ValueError(f"amount must be between 1 and what remains ({taken - back}), not {amount}")
    refund = Refund.objects.create(
        payment=payment,
        imp_uid=imp_uid or "",
        reference=reference,
        source="external",
        state="succeeded",
        amount=amount,
        checksum=taken - back,
        reason=reason,
        requested_by=user_of(by),
        refunded_on=refunded_on,
        settled_at=clock.wall(),
    )
    if is_second:
        payment.surplus = {**payment.surplus, imp_uid: [taken, back + amount, method]}
        payment.has_surplus = holds_surplus(payment)
    else:
        payment.external_refund_amount += amount
    attempt.event("refund.recorded", refund=refund, amount=amount, reason=reason, user=refund.requested_by_id)
    announce(attempt, refund)
    follow_refunds(attempt)
    attempt.finish()
    return refund
