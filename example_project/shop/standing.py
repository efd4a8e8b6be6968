"""What a purchase's page tells its buyer, in one word per kind of page."""

from __future__ import annotations

from portone_django.models import Payment

from .models import Purchase

OPEN, AWAITING, PAID, REFUNDED, CHECKING, CLOSED = "open", "awaiting", "paid", "refunded", "checking", "closed"


def standing(purchase: Purchase) -> str:
    """From our rows alone: no call to PortOne, so the page may be loaded at any rate."""
    order = purchase.order
    if order is None:
        return CLOSED
    if order.is_paid:
        return REFUNDED if order.state == "refunded" else PAID
    if _is_being_checked(purchase):
        return CHECKING
    return {"open": OPEN, "awaiting_deposit": AWAITING}.get(order.state, CLOSED)


def waiting_account(purchase: Purchase) -> Payment | None:
    """The attempt whose virtual account waits for its deposit."""
    return Payment.objects.filter(order=purchase.order, state="awaiting_deposit").first()


def _is_being_checked(purchase: Purchase) -> bool:
    payments = Payment.objects.filter(order=purchase.order)
    return payments.filter(state__in=("quarantined", "review")).exists() or payments.is_held().exists()
