"""Money that went back, read from PortOne's records: every cancellation is one Refund, ours or the console's.

Inside the transaction of the settlement, under its locks. A join: any order, any repetition and any staleness of
records ends in the same refunds, because a cancellation is known by its id and `cancel_amount` only grows.
"""

from __future__ import annotations

import logging

from .. import clock
from ..gateway import Cancellation, PaymentRecord, as_shown
from ..lifecycles import IN_FLIGHT_REFUND_STATES, REFUND_MOVES, check_move
from ..links import is_receipt
from ..models import CashReceipt, Payment, Refund
from ..storable import storable
from .attempt import LockedAttempt
from .reserving import made_elsewhere

logger = logging.getLogger("portone_django.refunds")


def take_back(attempt: LockedAttempt, record: PaymentRecord) -> None:
    """Join the cancellations of one received record into the refunds of its payment."""
    payment = attempt.payment
    is_mine = record.imp_uid == payment.imp_uid
    if (is_mine and payment.received_amount is None) or (not is_mine and record.imp_uid not in payment.surplus):
        return
    if record.cancel_amount or record.cancel_history:
        attempt.need_locks()
        _Ledger(attempt, record).join()
    if is_mine:
        payment.cancel_amount = max(payment.cancel_amount, record.cancel_amount)
        follow_refunds(attempt)
    else:
        amount, back, method = payment.surplus[record.imp_uid]
        back = max(back, record.cancel_amount + made_elsewhere(payment, record.imp_uid))
        payment.surplus = {**payment.surplus, record.imp_uid: [amount, back, method]}
        if back > amount:
            _report_over_refunded(attempt, record.imp_uid, amount, back)


def holds_surplus(payment: Payment) -> bool:
    """Whether something that was taken a second time has not gone back."""
    return any(taken > back for taken, back, _ in payment.surplus.values())


def follow_refunds(attempt: LockedAttempt) -> None:
    """State and sums of payment and order after something went back. Never from PortOne's `status`: what it says after
    a partial cancel is documented nowhere."""
    payment, order = attempt.payment, attempt.order
    if not payment.refunded_amount or payment.received_amount is None:
        return
    is_all = payment.refunded_amount >= payment.received_amount
    state = "refunded" if is_all else "partially_refunded"
    if payment.is_received:
        attempt.move(state)
    elif payment.state in ("quarantined", "review") and is_all:
        attempt.move("refunded")
        payment.open_slot = None  # a charge in review kept it: nothing of it is left that could be money
    if payment.paid_slot == order.pk:
        order.refunded_amount = min(payment.refunded_amount, order.amount)
        attempt.move_order(state)
    if payment.refunded_amount > payment.received_amount:
        _report_over_refunded(attempt, "", payment.received_amount, payment.refunded_amount)


def _report_over_refunded(attempt: LockedAttempt, second: str, received: int, refunded: int) -> None:
    """Once for the payment's own record, and once for each `second` one."""
    effect = f"payment.over_refunded:{attempt.payment.pk}" + (f":{second}" if second else "")
    if attempt.once("payment.over_refunded", effect, received=received, refunded=refunded):
        logger.error("Payment %s: more went back than was received.", attempt.payment.merchant_uid)


def succeed(attempt: LockedAttempt, refund: Refund, **facts: object) -> None:
    """The refund is proved: closed, with its events."""
    if not check_move("Refund", REFUND_MOVES, refund.state, "succeeded"):
        return
    refund.state = "succeeded"
    refund.open_slot = refund.next_check_at = None
    refund.settled_at = clock.wall()
    for name, value in facts.items():
        setattr(refund, name, value)
    fields = ["state", "open_slot", "next_check_at", "settled_at", "updated_at", *facts]
    refund.save(update_fields=fields)
    announce(attempt, refund)


def announce(attempt: LockedAttempt, refund: Refund) -> None:
    """The events of a refund that went through, each only once."""
    payment, order = attempt.payment, attempt.order
    data = {"amount": refund.amount, "by": refund.source, "imp_uid": refund.imp_uid}
    attempt.event("payment.refunded", effect=f"payment.refunded:{refund.pk}", refund=refund, **data)
    if payment.paid_slot == order.pk and refund.imp_uid == payment.imp_uid:
        tell_order(attempt, refund)
    if payment.pay_method in ("vbank", "trans"):
        # Cancelling a payment does not say what became of its cash receipt: the sweep looks it up.
        CashReceipt.objects.filter(open_slot=payment.pk, state="issued").update(next_check_at=clock.later(0))


def tell_order(attempt: LockedAttempt, refund: Refund) -> None:
    """The event of the order whose own money it was."""
    data = {"amount": refund.amount, "by": refund.source, "imp_uid": refund.imp_uid}
    attempt.event("order.refunded", effect=f"order.refunded:{refund.pk}", refund=refund, **data)


class _Ledger:
    """The refunds of one imp_uid beside PortOne's cancel_history of it."""

    def __init__(self, attempt: LockedAttempt, record: PaymentRecord) -> None:
        self.attempt, self.record = attempt, record
        rows = Refund.objects.filter(payment=attempt.payment, imp_uid=record.imp_uid)
        self.refunds = list(rows.exclude(source="external").order_by("pk"))
        known = attempt.payment.cancel_amount if record.imp_uid == attempt.payment.imp_uid else 0
        self.cancelled = max(record.cancel_amount, known)

    def join(self) -> None:
        known = {each.cancellation_id for each in self.refunds}
        for entry in sorted(self.record.cancel_history, key=self._order):
            if cancellation_key(entry) not in known:
                known.add(cancellation_key(entry))
                self._take(entry)
        missing = self.record.cancel_amount - self._sum()
        if missing > 0:
            self._take_unlisted(missing)

    def _order(self, entry: Cancellation) -> tuple[bool, int]:
        """Oldest first; but of two entries of the same amount the one with our words is ours."""
        reasons = {as_shown(each.reason) for each in self.refunds if _is_in_flight(each)}
        return entry.reason not in reasons, entry.cancelled_at or 0

    def _take(self, entry: Cancellation) -> None:
        facts = {"cancellation_id": cancellation_key(entry), "receipt_url": _receipt(entry)}
        mine = self._claimant(entry)
        if mine is None and (entry.amount < 1 or self._sum() + entry.amount > self.cancelled):
            uid = self.attempt.payment.merchant_uid
            logger.error("Payment %s: cancel_history and cancel_amount disagree.", uid)
        elif mine is None:
            self._import(entry.amount, entry.reason or "", **facts)
        elif mine.state == "succeeded":
            Refund.objects.filter(pk=mine.pk).update(**facts)
            mine.cancellation_id = facts["cancellation_id"]
        elif (untold := self._untold(entry.amount)) is not None and untold.amount == entry.amount:
            Refund.objects.filter(pk=untold.pk).update(**facts)  # told as somebody's; a person judges ours
            untold.cancellation_id = facts["cancellation_id"]
        else:
            if untold is not None:
                untold.amount -= entry.amount  # a sum was told before its parts were
                untold.save(update_fields=["amount", "updated_at"])
            succeed(self.attempt, mine, **facts)

    def _untold(self, amount: int) -> Refund | None:
        """The row of a sum that was imported before its entries were listed, if this amount must be a part of it."""
        if self._sum() + amount <= self.cancelled:
            return None
        sums = (each for each in self.refunds if each.source == "console" and each.cancellation_id is None)
        return next((each for each in sums if each.amount >= amount), None)

    def _take_unlisted(self, amount: int) -> None:
        """`cancel_amount` grew without an entry: ours if it is just what we sent, else somebody's at the console."""
        mine = next((each for each in self.refunds if _is_in_flight(each) and each.amount == amount), None)
        if mine is not None:
            succeed(self.attempt, mine)
        else:
            self._import(amount, "")

    def _claimant(self, entry: Cancellation) -> Refund | None:
        """The refund that this entry can be the doing of: one of that amount, sent, and not known under another id.

        No time is compared: what was there before the send was taken over by the look before it, and PortOne's clock is
        not ours. A refund that was refused the only time it was sent claims an entry only by its own words.
        """
        for each in self.refunds:
            if each.cancellation_id is not None or each.amount != entry.amount:
                continue
            if each.state == "succeeded":
                return each
            was_refused = bool(each.refusal) and each.send_count <= 1
            if _is_in_flight(each) and (not was_refused or entry.reason == as_shown(each.reason)):
                return each
        return None

    def _import(self, amount: int, reason: str, **facts: object) -> None:
        refund = Refund.objects.create(
            payment=self.attempt.payment,
            imp_uid=self.record.imp_uid,
            source="console",
            state="succeeded",
            amount=amount,
            checksum=max(self.record.amount - self._sum(), amount),
            reason=storable(reason)[:200],
            settled_at=clock.wall(),
            **facts,
        )
        self.refunds.append(refund)
        announce(self.attempt, refund)

    def _sum(self) -> int:
        return sum(each.amount for each in self.refunds if each.state == "succeeded")


def cancellation_key(entry: Cancellation) -> str:
    """PortOne's id of a cancellation; old records have none, and there the PG's transaction tells them apart."""
    return (entry.cancellation_id or entry.pg_tid or str(entry.cancelled_at))[:64]


def _is_in_flight(refund: Refund) -> bool:
    return refund.state in IN_FLIGHT_REFUND_STATES


def _receipt(entry: Cancellation) -> str:
    return entry.receipt_url if entry.receipt_url and is_receipt(entry.receipt_url) else ""
