"""What is due for a question to PortOne: each row is one sweep's at a time, and comes due again should that one end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TypeVar

from django.db.models import QuerySet

from ..clock import later
from ..models import BillingKey, CashReceipt, Payment, Refund
from .breaker import Breaker
from .steps import in_one_statement

Row = TypeVar("Row", Payment, Refund, CashReceipt, BillingKey)

LEASE_SECONDS = 120


def claimed(due: QuerySet[Row], *, limit: int, breaker: Breaker | None = None, end: float = math.inf) -> Iterator[Row]:
    """The rows in the order of `next_check_at`, until PortOne is away or the monotonic clock is past `end`."""
    for row in due.order_by("next_check_at")[:limit]:
        if (breaker is not None and breaker.is_open) or time.monotonic() > end:
            return
        if _claim(due.model._default_manager.filter(pk=row.pk, next_check_at=row.next_check_at)):
            yield row


def _claim(row: QuerySet[Row]) -> bool:
    """One row by its key, if it still waits for the same moment: whoever moves that moment asks."""
    return bool(in_one_statement(lambda: row.update(next_check_at=later(LEASE_SECONDS))))
