"""What PortOne's answer makes of a cash receipt: one transaction under the payment's lock, with its events."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

from django.db.models.expressions import Combinable

from ..clock import from_unix, later, wall
from ..conf import QUIET_PERIOD_SECONDS
from ..gateway import ReceiptRecord
from ..lifecycles import RECEIPT_MOVES, check_move
from ..links import is_receipt
from ..models import CashReceipt, Event, Payment, Refund
from ..storable import storable
from .dispatch import new_event, record
from .steps import in_one_step

logger = logging.getLogger("portone_django.receipts")

# PortOne's clock may be behind the database's by this much.
_SKEW = dt.timedelta(seconds=300)
# After a refund Inicis may take the receipt back later than it pays: it is looked at daily for this long.
_AFTER_REFUND = dt.timedelta(days=7)
_DAY_SECONDS = 24 * 3600


def take(receipt: CashReceipt, found: ReceiptRecord) -> CashReceipt:
    """Join what PortOne shows into the receipt. One that was given up or cancelled stays so."""

    def step(locked: _Locked) -> None:
        if locked.receipt.is_undecided:
            locked.move("issued")
            locked.receipt.fail_reason = ""
            locked.copy(found)
            locked.event("receipt.issued", amount=found.amount)
        elif locked.receipt.state == "issued":
            locked.copy(found)
        else:
            return
        if found.is_cancelled:
            locked.move("cancelled")
            locked.receipt.open_slot = None
            locked.event("receipt.cancelled", amount=found.amount)
        locked.receipt.next_check_at = locked.next_look()

    return _under_lock(receipt, step)


def give_up(receipt: CashReceipt, why: str) -> CashReceipt:
    """It was surely not issued: failed, and the payment is free for another."""

    def step(locked: _Locked) -> None:
        if locked.receipt.is_undecided:
            locked.move("failed")
            locked.receipt.open_slot = locked.receipt.next_check_at = None
            locked.receipt.fail_reason = why[:500]
            locked.event("receipt.failed", reason=locked.receipt.fail_reason)
            logger.warning("Cash receipt %s failed.", locked.receipt.pk)

    return _under_lock(receipt, step)


def is_of_before(receipt: CashReceipt, found: ReceiptRecord) -> bool:
    """Whether PortOne shows a receipt from before this one was asked for: then it has none of this one's.

    One that is issued already follows whatever PortOne shows of the payment.
    """
    if not receipt.is_undecided:
        return False
    applied_at, number = from_unix(found.applied_at), _number(found)
    others = CashReceipt.objects.filter(payment=receipt.payment_id).exclude(pk=receipt.pk)
    if others.filter(issued_at=applied_at, apply_num=number).exists():
        return True
    if not found.is_cancelled or applied_at is None or receipt.sent_at is None:
        return False
    return applied_at < receipt.sent_at - _SKEW


class _Locked:
    """A receipt and its payment under their locks, changed in memory."""

    def __init__(self, receipt_id: int, payment_id: int) -> None:
        # The payment's lock comes first, as in the settlement.
        self.payment = Payment.objects.select_for_update().select_related("order").get(pk=payment_id)
        self.receipt = CashReceipt.objects.select_for_update().get(pk=receipt_id)
        self.events: list[Event] = []
        self.is_new = self.receipt.is_undecided

    def move(self, state: str) -> None:
        if check_move("CashReceipt", RECEIPT_MOVES, self.receipt.state, state):
            self.receipt.state = state

    def copy(self, found: ReceiptRecord) -> None:
        receipt = self.receipt
        receipt.amount, receipt.vat = found.amount, found.vat
        receipt.receipt_tid = storable(found.receipt_tid or "")[:64]
        if self.payment.order.blanked_at is None:  # or else what was blanked would come back
            receipt.apply_num = _number(found)
            receipt.receipt_url = found.receipt_url if found.receipt_url and is_receipt(found.receipt_url) else ""
        receipt.issued_at, receipt.cancelled_at = from_unix(found.applied_at), from_unix(found.cancelled_at)
        if found.kind in CashReceipt.Kind.values:
            receipt.kind = found.kind

    def event(self, kind: str, *, effect: str | None = None, **data: Any) -> None:
        data = {"receipt": self.receipt.pk, "kind": self.receipt.kind, **data}
        self.events.append(
            new_event(
                kind, order=self.payment.order, payment=self.payment, effect=effect or f"{kind}:{self.receipt.pk}",
                source="receipt", data=data,
            )
        )  # fmt: skip

    def next_look(self) -> Combinable | None:
        """An issued receipt is looked at again while a refund, or a late cancel of an earlier one, may change it."""
        receipt, payment = self.receipt, self.payment
        if receipt.state != "issued":
            return None
        balance = payment.remaining_amount
        if receipt.amount != balance:
            self._report_difference(balance)
            latest = Refund.objects.filter(payment=payment, state="succeeded").order_by("-settled_at").first()
            is_recent = latest is not None and latest.settled_at and wall() - latest.settled_at < _AFTER_REFUND
            return later(_DAY_SECONDS) if is_recent else None
        is_second = self.is_new and CashReceipt.objects.filter(payment=payment, state="cancelled").exists()
        return later(QUIET_PERIOD_SECONDS) if is_second else None

    def _report_difference(self, balance: int) -> None:
        """The tax office was told another amount than the shop kept: somebody cancels it and issues another."""
        effect = f"receipt.differs:{self.receipt.pk}:{balance}"
        if not Event.objects.filter(effect=effect).exists():
            self.event("receipt.differs", effect=effect, amount=self.receipt.amount, balance=balance)
            logger.warning("Cash receipt %s is over another amount than the shop kept.", self.receipt.pk)


def _under_lock(receipt: CashReceipt, change: Callable[[_Locked], None]) -> CashReceipt:
    def step() -> None:
        locked = _Locked(receipt.pk, receipt.payment_id)
        change(locked)
        locked.receipt.save()
        record(locked.events)

    in_one_step(step)
    receipt.refresh_from_db()
    return receipt


def _number(found: ReceiptRecord) -> str:
    return storable(found.apply_num or "")[:20]
