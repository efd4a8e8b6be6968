"""Which states there are and which moves are allowed, as tables.

A forbidden move raises ForbiddenMove; repeating a finished move changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from .exceptions import ForbiddenMove

Moves = Mapping[str, frozenset[str]]


def _table(**moves: str) -> Moves:
    return {old: frozenset(new.split()) for old, new in moves.items()}


PAYMENT_MOVES: Moves = _table(
    created="pending expired",
    pending="awaiting_deposit paid failed unknown expired quarantined",
    unknown="pending paid failed review",
    awaiting_deposit="paid expired failed quarantined",
    failed="paid awaiting_deposit quarantined",
    expired="paid awaiting_deposit quarantined",
    paid="partially_refunded refunded",
    partially_refunded="refunded",
    refunded="",
    quarantined="paid failed refunded",
    review="paid failed refunded",
)

ORDER_MOVES: Moves = _table(
    open="awaiting_deposit paid expired cancelled",
    awaiting_deposit="open paid expired cancelled",
    expired="paid",
    cancelled="paid",
    paid="partially_refunded refunded",
    partially_refunded="refunded",
    refunded="",
)

# While a payment is in one of these, its order has no second attempt.
OPEN_PAYMENT_STATES = frozenset({"created", "pending", "unknown", "awaiting_deposit"})
# The money arrived, whatever happened to it afterwards.
RECEIVED_PAYMENT_STATES = frozenset({"paid", "partially_refunded", "refunded"})
OPEN_ORDER_STATES = frozenset({"open", "awaiting_deposit"})
SETTLED_ORDER_STATES = frozenset({"paid", "partially_refunded", "refunded"})


def check_move(model: str, moves: Moves, old: str, new: str) -> bool:
    """True if the move changes something, False if it repeats; raises ForbiddenMove otherwise."""
    if old == new:
        return False
    if new not in moves[old]:
        raise ForbiddenMove(model, old, new)
    return True


def can_move(moves: Moves, old: str, new: str) -> bool:
    """Whether the table allows old → new (a repetition counts as allowed)."""
    return old == new or new in moves[old]
