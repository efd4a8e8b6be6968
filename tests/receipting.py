"""Cash receipts in tests: a number, the ways a call can be lost, and PortOne's own receipt."""

from __future__ import annotations

from typing import Any

from portone_django.models import Payment
from tests.shop import Shop

PHONE = "010-9753-1086"
# How a call can end without an answer that tells: (fault, whether PortOne did it).
LOST = [
    ("timeout_before", False), ("timeout_after", True), ("drop_before", False), ("drop_after", True),
    ("http_500", False), ("http_502", False), ("http_503", False), ("http_504", False), ("http_429", False),
    ("html_200", True), ("empty_200", True), ("malformed", True), ("truncated", True), ("duplicate_keys", True),
    ("redirect", False),
]  # fmt: skip


def theirs(shop: Shop, payment: Payment) -> dict[str, Any] | None:
    """PortOne's own receipt of the payment."""
    found: dict[str, Any] | None = shop.sandbox.receipts.get(payment.imp_uid)
    return found


def lose(shop: Shop, fault: str, *, times: int = 1, **where: Any) -> None:
    shop.sandbox.faults.add(fault, path="/receipts/*", times=times, **where)
