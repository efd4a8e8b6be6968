"""The confirm process (confirm_url): may this payment be approved? A convenience for stock, never a control."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from .. import clock
from ..adapter import get_adapter
from .registration import find_registration
from .verification import find_payment


def refusal(merchant_uid: str, amount: Any) -> str | None:
    """Why this payment must not be approved, for the buyer; None lets it pass. `amount` as sent: a number or digits."""
    payment = find_payment(merchant_uid)
    if payment is None and (key := find_registration(merchant_uid)):
        return None if key.state == "pending" else gettext("This card was registered before, or the window is too old.")
    if payment is None:
        return gettext("This payment is not known to the shop.")
    if payment.state not in ("created", "pending", "failed") or not payment.order.is_open:
        return gettext("This order can no longer be paid.")
    if _as_won(amount) != payment.amount or payment.amount != payment.order.amount:
        return gettext("The amount differs from the order.")
    if clock.now() >= payment.expires_at:
        return gettext("The time to pay ran out. Nothing was charged.")
    return get_adapter().refuse_confirm(payment)


def _as_won(amount: Any) -> int | None:
    if type(amount) is int:
        return amount
    if type(amount) is float and amount.is_integer():
        return int(amount)
    if isinstance(amount, str) and amount.isascii() and amount.isdigit() and len(amount) <= 15:
        return int(amount)
    return None
