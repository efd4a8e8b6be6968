"""Signals, sent after the commit that made them true, at least once each.

Every receiver gets `sender` (the model class), `event_id` (a UUID: the same fact always carries the same one,
so a receiver that must act once remembers it), `event` (models.Event) and what is listed below. A receiver
that raises is called again, with growing pauses, ten times in all; the others are called again with it.
"""

from django.dispatch import Signal

__all__ = [
    "order_cancelled",
    "order_expired",
    "order_paid",
    "order_refunded",
    "payment_awaiting_deposit",
    "payment_failed",
    "payment_held",
    "payment_quarantined",
]

order_paid = Signal()
"""The money for an order is really there: deliver. order: Order, payment: Payment or None (an order of 0 won)."""

order_refunded = Signal()
"""More of an order's money went back. order: Order, payment: Payment; order.refunded_amount is the sum in won."""

order_expired = Signal()
"""An open order passed its expires_at: release what was reserved. order: Order, payment: None."""

order_cancelled = Signal()
"""An open order was given up by order.cancel(). order: Order, payment: None."""

payment_awaiting_deposit = Signal()
"""A virtual account was issued. order: Order, payment: Payment with vbank_num, vbank_name, vbank_expires_at."""

payment_failed = Signal()
"""An attempt failed; the order can be paid again. order: Order, payment: Payment with fail_reason."""

payment_quarantined = Signal()
"""A record differs from what was asked (amount, test channel …): believed by nobody until an operator decides."""

payment_held = Signal()
"""Money arrived that does not settle its order: paid twice, too late, or another amount. payment.hold_reason says.

event.kind is "payment.surplus" when PortOne took money twice under one merchant_uid: event.data has the second imp_uid.
"""

BY_KIND: dict[str, Signal] = {
    "order.paid": order_paid,
    "order.refunded": order_refunded,
    "order.expired": order_expired,
    "order.cancelled": order_cancelled,
    "payment.awaiting_deposit": payment_awaiting_deposit,
    "payment.failed": payment_failed,
    "payment.quarantined": payment_quarantined,
    "payment.held": payment_held,
    "payment.surplus": payment_held,
}
