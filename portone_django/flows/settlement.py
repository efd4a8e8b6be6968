"""Applies what PortOne recorded to payment and order: one transaction, rows locked, events written with it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from .. import clock, evidence
from ..conf import get_config
from ..gateway import Cancellation, PaymentRecord
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import Payment
from . import ladder
from .attempt import LockedAttempt
from .comparison import differences
from .snapshot import copy_answer
from .steps import in_one_step

logger = logging.getLogger("portone_django.settlement")

# PortOne keeps an account open for 30 days when no deadline was asked.
_UNDATED_ACCOUNT = dt.timedelta(days=30)


def apply_records(merchant_uid: str, records: Sequence[PaymentRecord], *, source: str) -> Payment:
    """Join the fetched records of one merchant_uid into its Payment and settle its Order.

    Any order, any repetition and any staleness of calls ends in the same rows. Raises Payment.DoesNotExist.
    """
    return in_one_step(lambda: _Settlement(merchant_uid, records, source).run())


def close_attempt(merchant_uid: str, *, source: str, with_deposit: bool = False) -> Payment:
    """Give up an attempt that PortOne was just asked about: expired, its slot free; money that comes late still counts.

    An undecided attempt (`unknown`), and without `with_deposit` one that waits for its deposit, stays as it is.
    """

    def close() -> Payment:
        attempt = LockedAttempt(merchant_uid, (), source)
        closable = ("created", "pending", "awaiting_deposit") if with_deposit else ("created", "pending")
        if attempt.payment.state not in closable:
            return attempt.payment
        attempt.end("expired", given_up=True)
        attempt.follow_deposit()
        return attempt.finish()

    return in_one_step(close)


def postpone(merchant_uid: str, *, source: str) -> Payment:
    """PortOne answered, but not so that it can be read: ask again later, and after its last day hand it to a person."""

    def wait() -> Payment:
        attempt = LockedAttempt(merchant_uid, (), source)
        if attempt.payment.is_open and ladder.is_past_afterlife(attempt.payment):
            if attempt.payment.state != "awaiting_deposit":
                attempt.pass_through_pending()
                attempt.move("unknown")
            attempt.end("review" if attempt.payment.state == "unknown" else "expired", reason="unreadable")
            attempt.follow_deposit()
        return attempt.finish()

    return in_one_step(wait)


class _Settlement(LockedAttempt):
    """The records of one uid, applied."""

    def __init__(self, merchant_uid: str, records: Sequence[PaymentRecord], source: str) -> None:
        self.records = [each for each in records if each.merchant_uid == merchant_uid]
        super().__init__(merchant_uid, [each.imp_uid for each in self.records], source)

    def run(self) -> Payment:
        self.payment.records = evidence.join(self.payment.records, self.records)
        self._decide()
        self._take_back()
        self._close_when_over()
        self.follow_deposit()
        self.payment.checked_at = clock.wall()
        return self.finish()

    # What the records prove ------------------------------------------------------------------------------------

    def _decide(self) -> None:
        found = evidence.verdict(self.payment.records)
        if found == evidence.PAID:
            self._receive()
        elif self.payment.state in ("quarantined", "review"):
            return
        elif found == evidence.ISSUED:
            self._await_deposit()
        elif found == evidence.FAILED:
            self._fail()
        elif found == evidence.READY and self.payment.state in ("created", "unknown"):
            self.move("pending")
            self._follow(self._candidates(evidence.READY))

    def _receive(self) -> None:
        paid = self._candidates(evidence.PAID)
        if not self.payment.is_received and self.payment.state not in ("quarantined", "review"):
            matching = [each for each in paid if not self._differences(each)]
            if matching:
                # Should there be several, the one that still holds the most money: the others are surplus.
                self._settle(max(matching, key=lambda each: each.remaining_amount))
            elif paid:
                self._quarantine(paid[0])
        self._report_surplus(paid)

    def _settle(self, found: PaymentRecord) -> None:
        payment, order = self.payment, self.order
        self.pass_through_pending()
        self.move("paid")
        copy_answer(payment, found)
        payment.open_slot = None
        payment.quarantine_reason = ""
        payment.hold_reason = self._hold_reason()
        self.event("payment.paid", effect=f"payment.paid:{payment.pk}", imp_uid=found.imp_uid)
        if payment.hold_reason:
            effect = f"payment.held:{payment.pk}"
            self.event("payment.held", effect=effect, reason=payment.hold_reason, amount=payment.amount)
            return
        payment.paid_slot = order.pk
        order.paid_at = payment.paid_at or clock.wall()
        self.move_order("paid")
        self.event("order.paid", effect=f"order.paid:{order.pk}")

    def _hold_reason(self) -> str:
        if self.order.is_paid:
            return Payment.Hold.DUPLICATE
        if self.payment.terms != self.order.terms:
            return Payment.Hold.ORDER_CHANGED
        if not self.order.is_open and get_config().late_payment == "hold":
            return Payment.Hold.LATE
        return Payment.Hold.NONE

    def _await_deposit(self) -> None:
        issued = self._candidates(evidence.ISSUED)
        if not issued or self.payment.is_received or self.payment.state == "awaiting_deposit":
            return
        matching = next((each for each in issued if not self._differences(each)), None)
        if matching is None:
            self._distrust_account(issued[0])
        elif self.payment.is_open or self._may_reopen(matching):
            self.pass_through_pending()
            self.move("awaiting_deposit")
            copy_answer(self.payment, matching)
            self.payment.vbank_expires_at = self.payment.vbank_expires_at or clock.now() + _UNDATED_ACCOUNT
            effect = f"payment.awaiting_deposit:{self.payment.pk}:{matching.imp_uid}"
            self.event("payment.awaiting_deposit", effect=effect, imp_uid=matching.imp_uid)

    def _may_reopen(self, account: PaymentRecord) -> bool:
        """An account that was given up or lapsed stays closed, and so does one of a closed order; a deposit counts."""
        is_known = bool(self.payment.vbank_num) and self.payment.imp_uid == account.imp_uid
        return not is_known and self.order.is_open and self.take_slot_back()

    def _distrust_account(self, account: PaymentRecord) -> None:
        """An account that differs is no money, so nothing is quarantined yet; a deposit into it would be."""
        self.pass_through_pending()
        effect, reason = f"payment.account_differs:{account.imp_uid}", "; ".join(self._differences(account))[:500]
        if self.once("payment.account_differs", effect, imp_uid=account.imp_uid, reason=reason):
            logger.warning("Payment %s: its account differs: %s", self.payment.merchant_uid, reason)

    def _fail(self) -> None:
        if self.payment.state not in OPEN_PAYMENT_STATES:
            return
        self.pass_through_pending()
        self.move("failed")
        self._follow(self._candidates(evidence.FAILED))
        self.payment.open_slot = None
        self.event("payment.failed", fail_reason=self.payment.fail_reason)

    def _quarantine(self, found: PaymentRecord) -> None:
        payment = self.payment
        self.pass_through_pending()
        self.move("quarantined")
        payment.quarantine_reason = "; ".join(self._differences(found))[:500]
        if found.imp_uid not in self.strangers:
            copy_answer(payment, found)
        payment.open_slot = None
        effect = f"payment.quarantined:{payment.pk}"
        self.event("payment.quarantined", effect=effect, imp_uid=found.imp_uid, reason=payment.quarantine_reason)
        logger.warning("Payment %s quarantined: %s", payment.merchant_uid, payment.quarantine_reason)

    def _report_surplus(self, paid: Sequence[PaymentRecord]) -> None:
        """PortOne refuses a paid merchant_uid; should it ever take money twice under one, that is seen."""
        for each in paid:
            if each.imp_uid == self.payment.imp_uid or each.imp_uid in self.strangers:
                continue
            effect = f"payment.surplus:{each.imp_uid}"
            if self.once("payment.surplus", effect, imp_uid=each.imp_uid, amount=each.amount):
                logger.error("Payment %s was paid a second time as %s", self.payment.merchant_uid, each.imp_uid)

    # Money that went back --------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        payment = self.payment
        mine = next((each for each in self.records if each.imp_uid == payment.imp_uid), None)
        if mine is None or not payment.is_received:
            return
        new = {_cancellation_key(each): each.amount for each in mine.cancel_history}
        new = {key: amount for key, amount in new.items() if key not in payment.cancellations}
        if not new and mine.cancel_amount > payment.cancel_amount:
            new = {f"sum:{mine.cancel_amount}": mine.cancel_amount - payment.cancel_amount}
        payment.cancellations = {**payment.cancellations, **new}
        payment.cancel_amount = max(payment.cancel_amount, mine.cancel_amount)
        if payment.cancel_amount:
            self._note_refund(new)

    def _note_refund(self, new: dict[str, int]) -> None:
        payment, order = self.payment, self.order
        # Never from PortOne's status: what it says after a partial cancel is documented nowhere.
        state = "refunded" if payment.cancel_amount >= payment.amount else "partially_refunded"
        self.move(state)
        settled = payment.paid_slot == order.pk
        if settled:
            order.refunded_amount = min(payment.cancel_amount, order.amount)
            self.move_order(state)
        for key, amount in new.items():
            data = {"amount": amount, "cancel_amount": payment.cancel_amount}
            self.event("payment.refunded", effect=f"payment.refunded:{payment.pk}:{key}"[:100], **data)
            if settled:
                self.event("order.refunded", effect=f"order.refunded:{order.pk}:{key}"[:100], **data)

    # Time that ran out -----------------------------------------------------------------------------------------

    def _close_when_over(self) -> None:
        state, now = self.payment.state, clock.now()
        if state in ("created", "pending") and now >= self.payment.expires_at:
            # A window that was left beside one that failed: the attempt failed, whichever was seen first.
            if evidence.FAILED in self.payment.records.values():
                self._fail()
            else:
                self.end("expired")
        elif state == "awaiting_deposit" and self.payment.vbank_expires_at and now >= self.payment.vbank_expires_at:
            self.end("expired")

    # Small steps -----------------------------------------------------------------------------------------------

    def _candidates(self, found: str) -> list[PaymentRecord]:
        """The fetched records that prove `found`, and that nothing seen before contradicts; the newest first."""
        allowed = evidence.holders(self.payment.records, found)
        fitting = [each for each in self.records if each.imp_uid in allowed and evidence.finding(each) == found]
        return sorted(fitting, key=lambda each: each.started_at or 0, reverse=True)

    def _differences(self, found: PaymentRecord) -> list[str]:
        if found.imp_uid in self.strangers:
            return ["imp_uid: known under another merchant_uid"]
        return differences(self.payment, found)

    def _follow(self, candidates: Sequence[PaymentRecord]) -> None:
        if candidates and candidates[0].imp_uid not in self.strangers:
            copy_answer(self.payment, candidates[0])


def _cancellation_key(cancellation: Cancellation) -> str:
    """PortOne's id of a cancellation; old records have none, and there the PG's transaction tells them apart."""
    return (cancellation.cancellation_id or cancellation.pg_tid or str(cancellation.cancelled_at))[:64]
