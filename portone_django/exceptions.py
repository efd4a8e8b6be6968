"""What portone_django raises to the code that uses it; the gateway's own tree is in gateway/errors.py."""

from __future__ import annotations

import difflib
from typing import Any

__all__ = [
    "BillPending",
    "CannotDecide",
    "CardInUse",
    "CardNotAdopted",
    "CardNotDeleted",
    "CardNotUsable",
    "CustomerSubscribed",
    "DeliveryNotPossible",
    "DeliveryRefused",
    "DeliveryUnknown",
    "ForbiddenMove",
    "NotRefundable",
    "OrderConflict",
    "OrderNotOpen",
    "PaymentError",
    "PaymentPending",
    "ReceiptNotCancelled",
    "ReceiptNotPossible",
    "ReceiptPending",
    "RefundConflict",
    "RefundPending",
    "SubscriptionConflict",
    "SubscriptionEnded",
    "TooManyRegistrations",
    "UnknownPlan",
]


class PaymentError(Exception):
    """Base of the errors that a host may want to catch around orders and payments."""


class OrderConflict(PaymentError):
    """`create_order` found the same reference with other terms; `differences` names them."""

    def __init__(self, reference: str, differences: dict[str, tuple[Any, Any]]) -> None:
        self.reference = reference
        self.differences = differences
        fields = ", ".join(f"{name}: {old!r} there, {new!r} asked" for name, (old, new) in differences.items())
        super().__init__(
            f"An order with reference {reference!r} exists with other terms ({fields}). "
            "Use order.change(...) while it is open, or a new reference for a new sale."
        )


class OrderNotOpen(PaymentError):
    """The order can no longer be paid or changed; `state` says why."""

    def __init__(self, state: str, action: str) -> None:
        self.state = state
        super().__init__(f"Cannot {action}: the order is {state}. Only an open order allows it.")


class PaymentPending(PaymentError):
    """A payment of this order is not decided yet, so the asked change could take money twice."""

    def __init__(self, merchant_uid: str, state: str, action: str) -> None:
        self.merchant_uid = merchant_uid
        self.state = state
        super().__init__(
            f"Cannot {action}: payment {merchant_uid} is {state}. Wait until it is decided "
            "(manage.py portone_reconcile asks PortOne now)."
        )


class ForbiddenMove(PaymentError):
    """A state change that the tables in lifecycles.py do not allow."""

    def __init__(self, model: str, old: str, new: str) -> None:
        super().__init__(f"{model} cannot go from {old} to {new}.")


class CannotDecide(PaymentError):
    """An operator's decision that the facts do not allow (now); `decision` is accept, refund or no_money."""

    def __init__(self, decision: str, why: str) -> None:
        self.decision = decision
        super().__init__(f"Cannot {decision.replace('_', ' ')}: {why}")


class CardNotUsable(PaymentError):
    """The card cannot be charged: not registered, replaced, deleted, or somebody else's."""

    def __init__(self, state: str, why: str) -> None:
        self.state = state
        super().__init__(f"Cannot charge the card: {why}")


class CardInUse(PaymentError):
    """The card cannot be deleted while something open needs it; `needs` names what."""

    def __init__(self, needs: str) -> None:
        self.needs = needs
        super().__init__(
            f"Cannot delete the card: {needs} needs it. Use another card there first (subscription.use_key(…)), "
            "or wait until the charge is decided."
        )


class CardNotDeleted(PaymentError):
    """PortOne answered no to the deletion of a card; `message` is how it said so. The card stays as it was."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        super().__init__(f"PortOne did not delete the card: {message} {hint}".strip())


class CardNotAdopted(PaymentError):
    """The customer_uid cannot become this customer's card; the text says why. Nothing was written."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Cannot adopt the card: {why}")


class TooManyRegistrations(PaymentError):
    """The customer opened the window that registers a card too often, and no card came of it; `limit` an hour."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} registrations of a card within an hour came to nothing. Try again in an hour.")


class CustomerSubscribed(PaymentError):
    """The customer cannot be forgotten while a subscription of theirs is not over; `public_id` names it."""

    def __init__(self, public_id: str, state: str) -> None:
        self.public_id = public_id
        super().__init__(
            f"Cannot forget the customer: subscription {public_id} is {state}. "
            'End it first: subscription.cancel(when="now")'
        )


class BillPending(PaymentError):
    """The bill has a charge that is not decided yet: a second one could take the money twice."""

    def __init__(self, merchant_uid: str, state: str, action: str) -> None:
        self.merchant_uid = merchant_uid
        self.state = state
        super().__init__(
            f"Cannot {action}: charge {merchant_uid} is {state}. Wait until it is decided "
            "(the next portone_charge_due asks PortOne)."
        )


class SubscriptionConflict(PaymentError):
    """The customer already has this subscription, with another price."""

    def __init__(self, public_id: str, price: str, asked: str) -> None:
        self.public_id = public_id
        super().__init__(
            f"Subscription {public_id} is there already, with price {price!r}, not {asked!r}. "
            "Give another reference for a second one: subscribe(user, price, reference=…)"
        )


class SubscriptionEnded(PaymentError):
    """The subscription is over (or not in a state that allows this)."""

    def __init__(self, state: str, action: str) -> None:
        self.state = state
        super().__init__(f"Cannot {action}: the subscription is {state}.")


class UnknownPlan(LookupError):
    """Code asks about a plan that is not there: a slip of the pen must not pass for "not subscribed"."""

    def __init__(self, code: str, known: list[str]) -> None:
        self.code = code
        near = difflib.get_close_matches(code, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        there = ", ".join(map(repr, known)) or "none yet: Plan.objects.create(code=…, name=…)"
        super().__init__(f"There is no plan {code!r}.{hint} There are: {there}")


class NotRefundable(PaymentError):
    """Nothing of this payment (or order) can be sent back; the text says why and what to do instead."""

    def __init__(self, state: str, why: str) -> None:
        self.state = state
        super().__init__(f"Cannot refund: {why}")


class RefundPending(PaymentError):
    """Another refund of this payment is not decided yet: a second one could send the money back twice."""

    def __init__(self, refund_id: int, state: str, amount: int) -> None:
        self.refund_id = refund_id
        self.state = state
        super().__init__(
            f"Cannot refund: refund {refund_id} of {amount} won is {state}. Wait until it is decided "
            "(refund.sync() or manage.py portone_reconcile asks PortOne now)."
        )


class RefundConflict(PaymentError):
    """The reference belongs to a refund of another payment or amount."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(
            f"A refund with reference {reference!r} exists with another payment or amount. "
            "Use a new reference for a new refund."
        )


class ReceiptNotPossible(PaymentError):
    """No cash receipt of this payment can be issued (or cancelled); the text says why and what to do instead."""

    def __init__(self, state: str, why: str) -> None:
        self.state = state
        super().__init__(f"No cash receipt: {why}")


class ReceiptPending(PaymentError):
    """The payment has a receipt already, or one whose issue is not decided yet: never two for one payment."""

    def __init__(self, receipt_id: int, state: str) -> None:
        self.receipt_id = receipt_id
        self.state = state
        hint = (
            "payment.cancel_cash_receipt() takes it back first."
            if state == "issued"
            else "Wait until it is decided (receipt.sync() or manage.py portone_reconcile asks PortOne now)."
        )
        super().__init__(f"Cash receipt {receipt_id} of this payment is {state}. {hint}")


class ReceiptNotCancelled(PaymentError):
    """PortOne refused to cancel the receipt, or (`is_unknown`) nobody knows yet; the receipt counts as issued."""

    def __init__(self, receipt_id: int, why: str, *, is_unknown: bool) -> None:
        self.receipt_id = receipt_id
        self.is_unknown = is_unknown
        hint = "The sweep looks again; cancelling again is safe." if is_unknown else "It stays issued."
        super().__init__(f"Cash receipt {receipt_id} is not cancelled: {why}. {hint}")


class DeliveryNotPossible(PaymentError):
    """There is nothing whose delivery could be registered; the text says why. Nothing was sent."""

    def __init__(self, why: str) -> None:
        super().__init__(f"No delivery: {why}")


class DeliveryRefused(PaymentError):
    """PortOne answered no; `message` is how it said so."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        super().__init__(f"PortOne refused the delivery: {message} {hint}".strip())


class DeliveryUnknown(PaymentError):
    """PortOne did not tell whether it wrote the delivery down, and does not show it."""

    def __init__(self, call: str) -> None:
        super().__init__(
            "It is not known whether PortOne wrote the delivery down. "
            f"Write payment.{call}(…) again, with the same values: PortOne keeps one delivery for each payment."
        )
