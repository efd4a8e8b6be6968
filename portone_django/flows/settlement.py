"""Applies what PortOne recorded to payment and order: one transaction, rows locked, events written with it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence

from django.db import transaction

from .. import clock, evidence
from ..adapter import get_adapter
from ..conf import get_config
from ..gateway import PaymentRecord
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import Event, Payment
from . import ladder
from .attempt import LockedAttempt, dismissal
from .attempts import drop_unsent
from .cancellations import holds_surplus, take_back
from .comparison import differences, is_ours_to_refund
from .dispatch import record
from .policies import refund_by_policy
from .rows import Changes
from .snapshot import copy_answer, follow_record
from .steps import in_one_step, limit_lock_wait

logger = logging.getLogger("portone_django.settlement")

# Which setting decides about money that does not settle its order.
_POLICIES: dict[str, str] = {
    Payment.Hold.DUPLICATE: "on_duplicate",
    Payment.Hold.LATE: "late_payment",
    Payment.Hold.ORDER_CHANGED: "on_mismatch",
}
# PortOne keeps an account open for 30 days when no deadline was asked.
_UNDATED_ACCOUNT = dt.timedelta(days=30)


def apply_records(merchant_uid: str, records: Sequence[PaymentRecord], *, source: str) -> Payment:
    """Join the fetched records of one merchant_uid into its Payment and settle its Order.

    Any order, any repetition and any staleness of calls ends in the same rows. Raises Payment.DoesNotExist.
    """
    return in_one_step(lambda: _Settlement(merchant_uid, records, source).run(), is_join=True)


def apply_claimed(
    answers: Sequence[tuple[Payment, PaymentRecord]], *, source: str, committed: Callable[[], object]
) -> None:
    """What apply_records does, for rows whose leases the caller holds: all in one commit, without reading them again.

    Any exception means that nothing was written and that each is the matter of apply_records: Stale when somebody
    wrote meanwhile or what was answered needs locks. `committed` is called after the commit, before any signal.
    """
    with transaction.atomic():
        transaction.on_commit(committed)
        limit_lock_wait(3)
        changes = Changes()
        settlements = [_Settlement(each.merchant_uid, [found], source, each, changes) for each, found in answers]
        for each in settlements:
            each.run()
        changes.write()
        record([event for each in settlements for event in each.events])


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

    return in_one_step(close, is_join=True)


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

    return in_one_step(wait, is_join=True)


def close_refused(merchant_uid: str, *, is_key_gone: bool) -> Payment:
    """PortOne refused the charge and shows no payment of it: no card said no, unless the card is gone there."""

    def close() -> Payment:
        attempt = LockedAttempt(merchant_uid, (), "charge")
        payment = attempt.payment
        if payment.state != "unknown" or not payment.refusal:
            return payment
        attempt.move("failed")
        payment.open_slot = None
        payment.fail_reason = payment.refusal
        payment.decline_kind = Payment.Decline.NEEDS_NEW_CARD if is_key_gone else Payment.Decline.REFUSED
        attempt.event("payment.failed", fail_reason=payment.fail_reason, decline=payment.decline_kind)
        return attempt.finish()

    return in_one_step(close, is_join=True)


def hand_over(merchant_uid: str, reason: str, *, source: str) -> Payment:
    """Nobody can tell what became of it: a person's, who looks in PortOne's console and decides."""

    def give() -> Payment:
        attempt = LockedAttempt(merchant_uid, (), source)
        if attempt.payment.state not in ("created", "pending", "unknown"):
            return attempt.payment
        attempt.pass_through_pending()
        attempt.move("unknown")
        attempt.end("review", reason=reason)
        logger.error("Payment %s is in review: %s", merchant_uid, reason)
        return attempt.finish()

    return in_one_step(give, is_join=True)


class _Settlement(LockedAttempt):
    """The records of one uid, applied."""

    def __init__(
        self,
        merchant_uid: str,
        records: Sequence[PaymentRecord],
        source: str,
        claimed: Payment | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.records = [each for each in records if each.merchant_uid == merchant_uid]
        super().__init__(merchant_uid, [each.imp_uid for each in self.records], source, claimed, changes)

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
            elif unjudged := [each for each in paid if not self._is_dismissed(each)]:
                self._quarantine(unjudged[0])
        elif self.payment.state == "review" and self.payment.received_amount is None:
            # It became readable after all: the person who decides sees the money, and nobody takes it for a second one.
            for each in paid[:1]:
                if each.imp_uid not in self.strangers and not self._is_dismissed(each):
                    follow_record(self.payment, each)
        self._report_surplus(paid)

    def _settle(self, found: PaymentRecord) -> None:
        payment, order = self.payment, self.order
        self.pass_through_pending()
        self.move("paid")
        follow_record(payment, found)
        payment.open_slot = None
        payment.quarantine_reason = ""
        payment.hold_reason = self._hold_reason()
        self.event("payment.paid", effect=f"payment.paid:{payment.pk}", imp_uid=found.imp_uid)
        if payment.hold_reason:
            self.need_locks()
            effect = f"payment.held:{payment.pk}"
            self.event("payment.held", effect=effect, reason=payment.hold_reason, amount=payment.amount)
            refund_by_policy(self, _POLICIES[payment.hold_reason], found)
            return
        payment.paid_slot = order.pk
        if payment.is_charge and self.before[payment]["state"] not in OPEN_PAYMENT_STATES:
            self.need_locks()
            drop_unsent(order)  # late: another attempt may stand beside it
        order.paid_at = payment.paid_at or clock.wall()
        self.move_order("paid")
        self.event("order.paid", effect=f"order.paid:{order.pk}")

    def _hold_reason(self) -> str:
        if self.order.is_paid:
            return Payment.Hold.DUPLICATE
        if self.payment.terms != self.order.terms:
            return Payment.Hold.ORDER_CHANGED
        if not self.order.is_open and get_config().late_payment != "accept":
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
        has_number = bool(self.payment.vbank_num) or self.order.blanked_at is not None
        is_known = has_number and self.payment.imp_uid == account.imp_uid
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
        if self.payment.is_charge:
            self.payment.decline_kind = get_adapter().classify_decline(self.payment.fail_reason)
        self.event("payment.failed", fail_reason=self.payment.fail_reason)

    def _quarantine(self, found: PaymentRecord) -> None:
        self.need_locks()
        payment = self.payment
        self.pass_through_pending()
        self.move("quarantined")
        payment.quarantine_reason = "; ".join(self._differences(found))[:500]
        is_mine = found.imp_uid not in self.strangers
        if is_mine:
            follow_record(payment, found)
        payment.open_slot = None
        effect = f"payment.quarantined:{payment.pk}:{found.imp_uid}"
        self.once("payment.quarantined", effect, imp_uid=found.imp_uid, reason=payment.quarantine_reason)
        logger.warning("Payment %s quarantined: %s", payment.merchant_uid, payment.quarantine_reason)
        if is_mine and is_ours_to_refund(payment, found):
            refund_by_policy(self, "on_mismatch", found)

    def _is_dismissed(self, found: PaymentRecord) -> bool:
        """Whether an operator has judged this record to be none of ours."""
        self.need_locks()
        return Event.objects.filter(effect=dismissal(self.payment, found.imp_uid)).exists()

    def _report_surplus(self, paid: Sequence[PaymentRecord]) -> None:
        """PortOne refuses a paid merchant_uid; should it ever take money twice under one, that is seen."""
        for each in paid:
            if each.imp_uid == self.payment.imp_uid or each.imp_uid in self.strangers or self._is_dismissed(each):
                continue
            if each.imp_uid not in self.payment.surplus:
                self.payment.surplus = {**self.payment.surplus, each.imp_uid: [each.amount, 0, each.pay_method or ""]}
            effect = f"payment.surplus:{each.imp_uid}"
            if self.once("payment.surplus", effect, imp_uid=each.imp_uid, amount=each.amount):
                logger.error("Payment %s was paid a second time as %s", self.payment.merchant_uid, each.imp_uid)
                if is_ours_to_refund(self.payment, each):
                    refund_by_policy(self, "on_duplicate", each)

    # Money that went back --------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        if self.payment.is_received or self.payment.state in ("quarantined", "review"):
            for each in self.records:
                is_paid = evidence.finding(each) == evidence.PAID or each.imp_uid == self.payment.imp_uid
                if is_paid and each.imp_uid not in self.strangers:
                    take_back(self, each)
            self.payment.has_surplus = holds_surplus(self.payment)

    # Time that ran out -----------------------------------------------------------------------------------------

    def _close_when_over(self) -> None:
        state, now = self.payment.state, clock.now()
        if self.payment.is_charge:
            return  # no window that closes: only PortOne's evidence ends it
        if state in ("created", "pending") and now >= self.payment.expires_at:
            # A window that was left beside one that failed: the attempt failed, whichever was seen first.
            if evidence.FAILED in self.payment.records.values():
                self._fail()
            else:
                self.end("expired")
        elif state == "unknown" and now >= self.payment.expires_at:
            self._fail_unseen()
        elif state == "awaiting_deposit" and self.payment.vbank_expires_at and now >= self.payment.vbank_expires_at:
            self.end("expired")

    def _fail_unseen(self) -> None:
        """A card that was typed in: long after the only send PortOne knows of nothing. Late money still counts."""
        self.move("failed")
        self.payment.open_slot = None
        self.payment.fail_reason = self.payment.refusal
        self.event("payment.failed", fail_reason=self.payment.fail_reason, unseen=True)

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
