"""What portone_django raises to the code that uses it; the gateway's own tree is in gateway/errors.py."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ForbiddenMove",
    "OrderConflict",
    "OrderNotOpen",
    "PaymentError",
    "PaymentPending",
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
