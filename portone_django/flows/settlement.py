"""Applies what PortOne recorded to payment and order: one transaction, rows locked, events written with it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from .. import clock, evidence
from ..conf import get_config
from ..gateway import Cancellation, PaymentRecord
from ..lifecycles import OPEN_PAYMENT_STATES, ORDER_MOVES, PAYMENT_MOVES, check_move
from ..models import Event, Order, Payment
from . import ladder
from .comparison import differences
from .dispatch import new_event, record
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
        step = _Settlement(merchant_uid, (), source)
        closable = ("created", "pending", "awaiting_deposit") if with_deposit else ("created", "pending")
        return step.expire() if step.payment.state in closable else step.payment

    return in_one_step(close)


class _Settlement:
    """The one transaction; every step below changes `payment` and `order` in memory and appends events."""

    def __init__(self, merchant_uid: str, records: Sequence[PaymentRecord], source: str) -> None:
        self.records = [each for each in records if each.merchant_uid == merchant_uid]
        self.source = source
        self.events: list[Event] = []
        self.strangers: set[str] = set()
        self.payment = self._lock(merchant_uid)
        self.order = self.payment.order
        self.before = {row: _values(row) for row in (self.payment, self.order)}

    def run(self) -> Payment:
        payment = self.payment
        payment.records = evidence.join(payment.records, self.records)
        self._decide()
        self._take_back()
        self._close_when_over()
        self._follow_deposit()
        payment.checked_at = clock.wall()
        payment.next_check_at = ladder.next_check(payment)
        self._save(payment)
        self._save(self.order)
        record(self.events)
        return payment

    def expire(self) -> Payment:
        self._move("expired")
        self.payment.open_slot = None
        self._event("payment.expired", given_up=True)
        self._follow_deposit()
        self.payment.next_check_at = ladder.next_check(self.payment)
        self._save(self.payment)
        self._save(self.order)
        record(self.events)
        return self.payment

    def _lock(self, merchant_uid: str) -> Payment:
        # One query locks the attempt, its order, and whichever other attempt already owns one of these imp_uids.
        uids = [each.imp_uid for each in self.records]
        rows = (
            Payment.objects.select_for_update()
            .select_related("order")
            .filter(Q(merchant_uid=merchant_uid) | Q(imp_uid__in=uids))
            .order_by("pk")
        )
        mine = None
        for row in rows:
            if row.merchant_uid == merchant_uid:
                mine = row
            elif row.imp_uid:
                self.strangers.add(row.imp_uid)
        if mine is None:
            raise Payment.DoesNotExist(merchant_uid)
        return mine

    # What the records prove ------------------------------------------------------------------------------------

    def _decide(self) -> None:
        found = evidence.verdict(self.payment.records)
        if found is None or self.payment.state in ("quarantined", "review"):
            return
        if found == evidence.PAID:
            self._receive()
        elif found == evidence.ISSUED:
            self._await_deposit()
        elif found == evidence.FAILED:
            self._fail()
        elif self.payment.state in ("created", "unknown"):
            self._move("pending")
            self._follow(self._candidates(evidence.READY))

    def _receive(self) -> None:
        paid = self._candidates(evidence.PAID)
        if not self.payment.is_received:
            matching = [each for each in paid if not self._differences(each)]
            if matching:
                self._settle(matching[0])
            elif paid:
                self._quarantine(paid[0])
        self._report_surplus(paid)

    def _settle(self, found: PaymentRecord) -> None:
        payment, order = self.payment, self.order
        self._pass_through_pending()
        self._move("paid")
        copy_answer(payment, found)
        payment.open_slot = None
        payment.quarantine_reason = ""
        payment.hold_reason = self._hold_reason()
        self._event("payment.paid", effect=f"payment.paid:{payment.pk}", imp_uid=found.imp_uid)
        if payment.hold_reason:
            self._event(
                "payment.held", effect=f"payment.held:{payment.pk}", reason=payment.hold_reason, amount=payment.amount
            )
            return
        payment.paid_slot = order.pk
        order.paid_at = payment.paid_at or clock.wall()
        self._move_order("paid")
        self._event("order.paid", effect=f"order.paid:{order.pk}")

    def _hold_reason(self) -> str:
        order, payment = self.order, self.payment
        if order.is_paid:
            return Payment.Hold.DUPLICATE
        if (order.amount, order.currency) != (payment.amount, payment.currency):
            return Payment.Hold.ORDER_CHANGED
        if not order.is_open and get_config().late_payment == "hold":
            return Payment.Hold.LATE
        return Payment.Hold.NONE

    def _await_deposit(self) -> None:
        issued = self._candidates(evidence.ISSUED)
        if not issued or self.payment.is_received or self.payment.state == "awaiting_deposit":
            return
        matching = next((each for each in issued if not self._differences(each)), None)
        if matching is None:
            self._quarantine(issued[0])
            return
        if self.payment.state in ("failed", "expired") and not self._take_slot_back():
            return
        self._pass_through_pending()
        self._move("awaiting_deposit")
        copy_answer(self.payment, matching)
        self._event(
            "payment.awaiting_deposit",
            effect=f"payment.awaiting_deposit:{self.payment.pk}:{matching.imp_uid}",
            imp_uid=matching.imp_uid,
        )

    def _fail(self) -> None:
        if self.payment.state not in OPEN_PAYMENT_STATES:
            return
        self._pass_through_pending()
        self._move("failed")
        self._follow(self._candidates(evidence.FAILED))
        self.payment.open_slot = None
        self._event("payment.failed", fail_reason=self.payment.fail_reason)

    def _quarantine(self, found: PaymentRecord) -> None:
        payment = self.payment
        self._pass_through_pending()
        self._move("quarantined")
        payment.quarantine_reason = "; ".join(self._differences(found))[:500]
        if found.imp_uid not in self.strangers:
            copy_answer(payment, found)
        payment.open_slot = None
        self._event(
            "payment.quarantined",
            effect=f"payment.quarantined:{payment.pk}",
            imp_uid=found.imp_uid,
            reason=payment.quarantine_reason,
        )
        logger.warning("Payment %s quarantined: %s", payment.merchant_uid, payment.quarantine_reason)

    def _report_surplus(self, paid: Sequence[PaymentRecord]) -> None:
        """PortOne refuses a paid merchant_uid; should it ever take money twice under one, that is seen."""
        for each in paid:
            if each.imp_uid == self.payment.imp_uid or self.payment.state == "quarantined":
                continue
            effect = f"payment.surplus:{each.imp_uid}"
            if not Event.objects.filter(effect=effect).exists():
                self._event("payment.surplus", effect=effect, imp_uid=each.imp_uid, amount=each.amount)
                logger.error("Payment %s was paid a second time as %s", self.payment.merchant_uid, each.imp_uid)

    # Money that went back --------------------------------------------------------------------------------------

    def _take_back(self) -> None:
        payment = self.payment
        mine = next((each for each in self.records if each.imp_uid == payment.imp_uid), None)
        if mine is None or not payment.is_received:
            return
        new = [each for each in mine.cancel_history if _cancellation_key(each) not in payment.cancellations]
        for each in new:
            payment.cancellations[_cancellation_key(each)] = {"amount": each.amount, "cancelled_at": each.cancelled_at}
        payment.cancel_amount = max(payment.cancel_amount, mine.cancel_amount)
        if not payment.cancel_amount:
            return
        # Never from PortOne's status: what it says after a partial cancel is documented nowhere.
        state = "refunded" if payment.cancel_amount >= payment.amount else "partially_refunded"
        self._move(state)
        settled = payment.paid_slot == self.order.pk
        if settled:
            self.order.refunded_amount = min(payment.cancel_amount, self.order.amount)
            self._move_order(state)
        for each in new:
            key, data = _cancellation_key(each), {"amount": each.amount, "cancel_amount": payment.cancel_amount}
            self._event("payment.refunded", effect=f"payment.refunded:{payment.pk}:{key}"[:100], **data)
            if settled:
                self._event("order.refunded", effect=f"order.refunded:{self.order.pk}:{key}"[:100], **data)

    # Time that ran out -----------------------------------------------------------------------------------------

    def _close_when_over(self) -> None:
        if not self._is_over():
            return
        if self.payment.state != "awaiting_deposit" and evidence.FAILED in self.payment.records.values():
            # A window that was left beside one that failed: the attempt failed, whichever was seen first.
            self._fail()
            return
        self._move("expired")
        self.payment.open_slot = None
        self._event("payment.expired")

    def _is_over(self) -> bool:
        payment, now = self.payment, clock.now()
        if payment.state in ("created", "pending"):
            return now >= payment.expires_at
        if payment.state == "awaiting_deposit":
            return now >= (payment.vbank_expires_at or payment.expires_at + _UNDATED_ACCOUNT)
        return False

    def _follow_deposit(self) -> None:
        was, now = self.before[self.payment]["state"], self.payment.state
        if now == "awaiting_deposit" and self.order.state == "open":
            self._move_order("awaiting_deposit")
        elif was == "awaiting_deposit" != now and self.order.state == "awaiting_deposit":
            self._move_order("open")

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

    def _take_slot_back(self) -> bool:
        """A closed attempt opens again only while no other attempt of the order is open."""
        if Payment.objects.filter(open_slot=self.order.pk).exclude(pk=self.payment.pk).exists():
            return False
        self.payment.open_slot = self.order.pk
        return True

    def _pass_through_pending(self) -> None:
        if self.payment.state in ("created", "unknown"):
            self._move("pending")

    def _move(self, state: str) -> None:
        if check_move("Payment", PAYMENT_MOVES, self.payment.state, state):
            self.payment.state = state

    def _move_order(self, state: str) -> None:
        if check_move("Order", ORDER_MOVES, self.order.state, state):
            self.order.state = state

    def _event(self, kind: str, *, effect: str | None = None, **data: Any) -> None:
        self.events.append(
            new_event(kind, order=self.order, payment=self.payment, effect=effect, source=self.source, data=data)
        )

    def _save(self, row: Payment | Order) -> None:
        now = _values(row)
        changed = [name for name, value in now.items() if value != self.before[row][name]]
        if changed:
            row.save(update_fields=[*changed, "updated_at"])


def _values(row: Payment | Order) -> dict[str, Any]:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}


def _cancellation_key(cancellation: Cancellation) -> str:
    """PortOne's id of a cancellation; old records have none, and there the PG's transaction tells them apart."""
    return (cancellation.cancellation_id or cancellation.pg_tid or str(cancellation.cancelled_at))[:64]
