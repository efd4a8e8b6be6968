"""What a customer is told about an attempt: one word for each page there is."""

from __future__ import annotations

from ..clock import wall
from ..models import Payment
from .verification import sync_payment

PAID, AWAITING, FAILED, EXPIRED, CONFIRMING, CHECKING = (
    "paid", "awaiting_deposit", "failed", "expired", "confirming", "checking",
)  # fmt: skip
FINAL = frozenset({PAID, AWAITING, FAILED, EXPIRED, CHECKING})

_REFRESH_AFTER_SECONDS = 3
_DEADLINE_SECONDS = 5.0


def standing(payment: Payment) -> str:
    """The page for this attempt. An order that another attempt paid is paid, whatever this one did."""
    if payment.is_held or payment.state in ("quarantined", "review"):
        return CHECKING
    if payment.is_received:
        return PAID
    if payment.order.is_paid:
        return PAID
    if payment.state == "awaiting_deposit" and not payment.order.is_open:
        return EXPIRED
    return {"awaiting_deposit": AWAITING, "failed": FAILED, "expired": EXPIRED}.get(payment.state, CONFIRMING)


def refreshed(payment: Payment, *, source: str) -> Payment:
    """The attempt after asking PortOne, if it is undecided and nobody asked within the last seconds."""
    if not payment.is_open:
        return payment
    if payment.checked_at and (wall() - payment.checked_at).total_seconds() < _REFRESH_AFTER_SECONDS:
        return payment
    # One reader of many asks: the row says that somebody is asking.
    mine = Payment.objects.filter(pk=payment.pk, checked_at=payment.checked_at).update(checked_at=wall())
    if not mine:
        return payment
    result = sync_payment(payment.merchant_uid, source=source, deadline=_DEADLINE_SECONDS)
    return result.payment or payment


__all__ = ["AWAITING", "CHECKING", "CONFIRMING", "EXPIRED", "FAILED", "FINAL", "PAID", "refreshed", "standing"]
