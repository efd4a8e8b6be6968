"""Differences between PortOne's books and ours: one row each, seen again, gone again, or explained by a person."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError

from .. import evidence
from ..clock import Tick
from ..gateway import PaymentRecord
from ..models import Payment, ReconciliationBreak
from .reserving import made_elsewhere
from .steps import in_one_step

logger = logging.getLogger("portone_django.reconciliation")

# A state that a person already has on the desk is no unexplained difference.
_ON_THE_DESK = ("quarantined", "review")


def difference(payment: Payment, record: PaymentRecord) -> str | None:
    """The kind of difference between a payment and its record, None when the books agree or a person has it already."""
    if payment.state in _ON_THE_DESK:
        return None
    if record.imp_uid in payment.surplus:
        back = payment.surplus[record.imp_uid][1]
        if back > record.amount:
            return "over_refunded"
        elsewhere = 0 if back == record.cancel_amount else made_elsewhere(payment, record.imp_uid)
        return None if back - elsewhere == record.cancel_amount else "refunded"
    if evidence.finding(record) != evidence.PAID:
        return "not_paid_there" if payment.is_received else None
    if not payment.is_received or payment.imp_uid != record.imp_uid:
        return "not_received"
    if payment.received_amount != record.amount:
        return "amount"
    if payment.cancel_amount != record.cancel_amount:
        return "refunded"
    return "over_refunded" if payment.refunded_amount > record.amount else None


def note_break(
    kind: str,
    *,
    merchant_uid: str,
    imp_uid: str = "",
    payment: Payment | None = None,
    ours: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
) -> None:
    """Write the difference down, or that it was seen again. What a person has explained stays explained."""
    key = {"kind": kind, "merchant_uid": merchant_uid[:40], "imp_uid": imp_uid[:32]}
    values = {"payment": payment, "ours": ours or {}, "theirs": theirs or {}}
    # Of one record there is one difference: what could not be asked about, for example, is another one now.
    others = ReconciliationBreak.objects.filter(merchant_uid=key["merchant_uid"], imp_uid=key["imp_uid"])
    others.filter(resolved_at=None).exclude(kind=kind).update(resolved_at=Tick())
    seen = ReconciliationBreak.objects.filter(**key)
    if seen.update(**values, last_seen_at=Tick(), resolved_at=None):
        return
    try:
        in_one_step(lambda: ReconciliationBreak.objects.create(**key, **values))
        seen.update(last_seen_at=Tick())
    except IntegrityError:
        seen.update(**values, last_seen_at=Tick(), resolved_at=None)
    logger.error("Difference %s: %s %s", kind, merchant_uid, imp_uid)


def resolve_breaks(payment: Payment, imp_uid: str) -> None:
    """The books agree on this record of the payment now."""
    mine = ReconciliationBreak.objects.filter(merchant_uid=payment.merchant_uid, imp_uid__in=(imp_uid, ""))
    mine.filter(resolved_at=None).update(resolved_at=Tick())


def our_side(payment: Payment) -> dict[str, Any]:
    return {
        "state": payment.state,
        "amount": payment.received_amount if payment.received_amount is not None else payment.amount,
        "cancel_amount": payment.cancel_amount,
        "imp_uid": payment.imp_uid,
    }


def their_side(record: PaymentRecord) -> dict[str, Any]:
    return {
        "status": record.status,
        "amount": record.amount,
        "cancel_amount": record.cancel_amount,
        "imp_uid": record.imp_uid,
    }
