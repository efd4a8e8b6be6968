"""What a customer is told about an attempt: one word for each page there is."""

from __future__ import annotations

from ..clock import wall
from ..models import BillingKey, Payment
from .verification import sync_payment

PAID, REFUNDED, AWAITING, FAILED, EXPIRED, CONFIRMING, CHECKING = (
    "paid", "refunded", "awaiting_deposit", "failed", "expired", "confirming", "checking",
)  # fmt: skip
FINAL = frozenset({PAID, REFUNDED, AWAITING, FAILED, EXPIRED, CHECKING})

_REFRESH_AFTER_SECONDS = 3
REFRESH_SECONDS = 5.0


def standing(payment: Payment) -> str:
    """The page for this attempt. An order that another attempt paid is paid, whatever this one did."""
    if payment.is_held or payment.state in ("quarantined", "review"):
        return CHECKING
    if payment.state == "refunded":
        return REFUNDED
    if payment.is_received:
        return PAID
    if payment.order.is_paid:
        return REFUNDED if payment.order.state == "refunded" else PAID
    if payment.state == "awaiting_deposit" and not payment.order.is_open:
        return EXPIRED
    return {"awaiting_deposit": AWAITING, "failed": FAILED, "expired": EXPIRED}.get(payment.state, CONFIRMING)


def refreshed(payment: Payment, *, source: str) -> Payment:
    """The attempt after asking PortOne, if it is undecided and nobody asked within the last seconds."""
    if not payment.is_open or not may_ask(payment):
        return payment
    result = sync_payment(payment.merchant_uid, source=source, deadline=REFRESH_SECONDS)
    return result.payment or payment


def may_ask(row: Payment | BillingKey) -> bool:
    """Whether nobody asked PortOne about the row within the last seconds; one reader of many may."""
    if row.checked_at and (wall() - row.checked_at).total_seconds() < _REFRESH_AFTER_SECONDS:
        return False
    # The row says that somebody is asking.
    mine = type(row)._default_manager.filter(pk=row.pk, checked_at=row.checked_at)
    return bool(mine.update(checked_at=wall()))


__all__ = [
    "AWAITING", "CHECKING", "CONFIRMING", "EXPIRED", "FAILED", "FINAL", "PAID", "REFRESH_SECONDS", "REFUNDED",
    "may_ask", "refreshed", "standing",
]  # fmt: skip
