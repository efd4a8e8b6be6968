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

REFUND_MOVES: Moves = _table(
    requested="reserved rejected",
    reserved="sent failed",
    sent="succeeded failed unknown",
    unknown="succeeded failed review",
    review="succeeded failed",
    succeeded="",
    failed="",
    rejected="",
)

RECEIPT_MOVES: Moves = _table(
    sent="unknown issued failed",
    unknown="issued failed",
    issued="cancelled",
    failed="",
    cancelled="",
)

BILLING_KEY_MOVES: Moves = _table(
    pending="active failed",
    failed="active",
    active="failing unusable superseded deleted",
    failing="active unusable superseded deleted",
    unusable="active superseded deleted",
    superseded="deleted",
    deleted="",
)

SUBSCRIPTION_MOVES: Moves = _table(
    incomplete="trialing active ended",
    trialing="active past_due paused ended",
    active="trialing past_due paused ended",
    past_due="trialing active paused ended",
    paused="active ended",
    ended="",
)

CYCLE_MOVES: Moves = _table(
    open="retrying paid uncollectible waived void",
    retrying="paid uncollectible waived void",
    # Late money that LATE_PAYMENT accepts.
    uncollectible="paid",
    void="paid",
    waived="paid",
    paid="",
)

# While a payment is in one of these, its order has no second attempt.
OPEN_PAYMENT_STATES = frozenset({"created", "pending", "unknown", "awaiting_deposit"})
# The money arrived, whatever happened to it afterwards.
RECEIVED_PAYMENT_STATES = frozenset({"paid", "partially_refunded", "refunded"})
# While a refund is in one of these, its payment has no second one.
OPEN_REFUND_STATES = frozenset({"requested", "reserved", "sent", "unknown", "review"})
# It may have reached PortOne and its end is not known: an entry of cancel_history can be its doing.
IN_FLIGHT_REFUND_STATES = frozenset({"sent", "unknown", "review"})
# Asked for, and not known whether it was issued.
UNDECIDED_RECEIPT_STATES = frozenset({"sent", "unknown"})
# The card may be charged.
USABLE_KEY_STATES = frozenset({"active", "failing"})
# Begun and not over.
LIVE_SUBSCRIPTION_STATES = frozenset({"trialing", "active", "past_due", "paused"})
OPEN_CYCLE_STATES = frozenset({"open", "retrying"})
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
