"""Signals, sent after the commit that made them true, at least once each.

Every receiver gets `sender` (the model class), `event_id` (a UUID: the same fact always carries the same one,
so a receiver that must act once remembers it), `event` (models.Event), `order`, `payment` and `refund` (None where
there is none), described below. A receiver
that raises is called again, with growing pauses, ten times in all; the others are called again with it.
"""

from django.dispatch import Signal

__all__ = [
    "bill_failed",
    "bill_given_up",
    "bill_paid",
    "card_deleted",
    "card_failed",
    "card_needed",
    "card_registered",
    "cash_receipt_failed",
    "cash_receipt_issued",
    "charge_review",
    "escrow_changed",
    "order_cancelled",
    "order_expired",
    "order_paid",
    "order_refunded",
    "payment_awaiting_deposit",
    "payment_failed",
    "payment_held",
    "payment_quarantined",
    "payment_refunded",
    "refund_capped",
    "refund_failed",
    "refund_review",
    "subscription_cancelled",
    "subscription_ended",
    "subscription_paused",
    "subscription_resumed",
    "subscription_started",
]

order_paid = Signal()
"""The money for an order is really there: deliver. order: Order, payment: Payment or None (an order of 0 won)."""

order_refunded = Signal()
"""More of an order's money went back. refund: Refund with the amount; order.refunded_amount is the sum in won.

Sent for refunds of ours, for cancels in PortOne's console and for those recorded by hand (refund.source says which).
"""

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

payment_refunded = Signal()
"""Money of a payment went back, whether or not it had settled its order (a second payment, a late one). refund: Refund.

An order's own money is told by order_refunded as well: listen to one of the two.
"""

refund_failed = Signal()
"""A refund came to nothing and no money moved. refund: Refund with fail_reason, and refusal as PortOne worded it."""

refund_review = Signal()
"""Nobody can tell whether a refund happened, and the machine asks no more: a person must look. refund: Refund."""

refund_capped = Signal()
"""A policy would have sent money back by itself, and the cap of three in an hour is reached: a person must look."""

cash_receipt_issued = Signal()
"""A cash receipt was issued. event.data["receipt"] is the id of models.CashReceipt; refund: None."""

cash_receipt_failed = Signal()
"""A cash receipt that was asked for came to nothing. event.data has its id as "receipt", and the "reason"."""

escrow_changed = Signal()
"""An escrow sale is said to have moved: reported by a webhook that nobody signs, and proved by nothing.

payment.escrow_status and payment.escrow_changed_at say where to, payment.escrow_denied_reason why the buyer refused:
event.data, which is kept for ever, does not. Show it; move no goods and no money by it: a registered delivery ("2") is
proved by payment.sync_delivery(), a cancelled sale ("8") by payment.cancel_amount.
"""

card_registered = Signal()
"""A card is on file. billing_key: BillingKey (active)."""

card_failed = Signal()
"""A registration came to nothing. billing_key: BillingKey with fail_reason."""

card_deleted = Signal()
"""A card was deleted at PortOne. billing_key: BillingKey."""

card_needed = Signal()
"""A bill is open and its card will not pay it: the customer must use another one. subscription, order; event.data has
"reason"."""

subscription_started = Signal()
"""The first bill is paid: let the customer in. subscription: Subscription."""

subscription_ended = Signal()
"""It is over; subscription.end_reason says why."""

subscription_cancelled = Signal()
"""A cancellation was asked for; subscription.cancel_at says when it ends."""

subscription_resumed = Signal()
"""A cancellation was taken back, or a pause ended."""

subscription_paused = Signal()
"""Its bill was given up, and DUNNING says "pause"."""

bill_paid = Signal()
"""One period is paid. subscription, order; order.cycle is the BillingCycle."""

bill_failed = Signal()
"""A charge was declined and will be tried again, or waits for a new card. event.data has "attempt", "kind",
"fail_reason" and "next_step_at" (ISO 8601, UTC)."""

bill_given_up = Signal()
"""The last try failed: nobody tries this bill again. event.data has "then": end, pause or keep."""

charge_review = Signal()
"""Nobody can tell whether a card was charged, and the machine asks no more: a person must look. payment: Payment."""

BY_KIND: dict[str, Signal] = {
    "billing_key.registered": card_registered,
    "billing_key.failed": card_failed,
    "billing_key.deleted": card_deleted,
    "subscription.started": subscription_started,
    "subscription.ended": subscription_ended,
    "subscription.cancelled": subscription_cancelled,
    "subscription.resumed": subscription_resumed,
    "subscription.paused": subscription_paused,
    "subscription.card_needed": card_needed,
    "bill.paid": bill_paid,
    "bill.failed": bill_failed,
    "bill.given_up": bill_given_up,
    "payment.review": charge_review,
    "order.paid": order_paid,
    "order.refunded": order_refunded,
    "order.expired": order_expired,
    "order.cancelled": order_cancelled,
    "payment.awaiting_deposit": payment_awaiting_deposit,
    "payment.failed": payment_failed,
    "payment.quarantined": payment_quarantined,
    "payment.held": payment_held,
    "payment.surplus": payment_held,
    "payment.refunded": payment_refunded,
    "payment.escrow_changed": escrow_changed,
    "receipt.issued": cash_receipt_issued,
    "receipt.failed": cash_receipt_failed,
    "refund.failed": refund_failed,
    "refund.review": refund_review,
    "refund.capped": refund_capped,
}
