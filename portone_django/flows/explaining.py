"""A difference that a person has looked into: who says why it is there, and nobody is asked to look again."""

from __future__ import annotations

from typing import Any

from ..clock import wall
from ..models import ReconciliationBreak
from .dispatch import new_event, record
from .reserving import check_text, user_of
from .steps import in_one_step


def explain_break(found: ReconciliationBreak, explanation: str, *, by: Any) -> ReconciliationBreak:
    """Write the explanation down, with an event if a payment of ours is concerned; the first one stays.

    Raises ValueError for a text that is empty or longer than 500 characters.
    """
    check_text("explanation", explanation, 500)
    return in_one_step(lambda: _explain(found.pk, explanation, by))


def _explain(pk: int, explanation: str, by: Any) -> ReconciliationBreak:
    waiting = ReconciliationBreak.objects.filter(pk=pk, explained_at=None)
    is_first = waiting.update(explained_at=wall(), explained_by=user_of(by), explanation=explanation)
    found = ReconciliationBreak.objects.select_related("payment__order").get(pk=pk)
    if is_first and found.payment is not None:
        data = {"kind": found.kind, "explanation": explanation, "user": found.explained_by_id}
        order = found.payment.order
        record([new_event("break.explained", order=order, payment=found.payment, source="admin", data=data)])
    return found
