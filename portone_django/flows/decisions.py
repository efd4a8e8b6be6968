"""What an operator decides about money that settled nothing: it counts, it goes back, or it is none of ours."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from .. import clock, evidence
from ..exceptions import CannotDecide
from ..gateway import PaymentRecord, refuse_inside_transaction
from ..lifecycles import ORDER_MOVES, can_move
from ..models import Payment, Refund
from .attempt import LockedAttempt, dismissal
from .cancellations import follow_refunds, take_back, tell_order
from .refund_account import RefundAccount
from .refunds import carry_on
from .reserving import Ask, check_text, reserve
from .snapshot import follow_record
from .steps import in_one_step
from .verification import Outcome, SyncResult, sync_payment

logger = logging.getLogger("portone_django.decisions")

ACCEPT, REFUND, NO_MONEY = "accept", "refund", "no_money"
SEND_SECONDS = 20.0
_UNDECIDED = ("quarantined", "review")
_SILENT = "PortOne does not answer now, so nobody can tell whether the money is there."


def possible(payment: Payment) -> tuple[str, ...]:
    """The decisions that its state allows, in the order in which they are shown; () when there is nothing to decide."""
    if not payment.is_held and payment.state not in _UNDECIDED:
        return ()
    may_count = not payment.order.is_paid and can_move(ORDER_MOVES, payment.order.state, "paid")
    may_go_back = bool(payment.imp_uid) and payment.remaining_amount > 0
    asked = {
        ACCEPT: may_count and payment.state != "partially_refunded",
        REFUND: may_go_back,
        NO_MONEY: payment.state in _UNDECIDED,
    }
    return tuple(decision for decision, is_possible in asked.items() if is_possible)


def decide(
    payment: Payment, decision: str, *, reason: str, by: Any, account: RefundAccount | None = None
) -> Payment | Refund:
    """Carry out a person's decision, with its reason in the audit trail; the payment, or the refund that it became.

    "accept": the money counts as the order's payment. "refund": everything that PortOne holds goes back. "no_money":
    the record is none of ours (a copied database's, a test's) and is left alone.
    Raises CannotDecide, the errors of refunds.refund, InsideTransaction.
    """
    refuse_inside_transaction()
    check_text("reason", reason, 200)
    asked = sync_payment(payment.merchant_uid, payment.imp_uid, source="admin", payment=payment)
    payment = Payment.objects.select_related("order").get(pk=payment.pk)
    if decision not in possible(payment):
        raise CannotDecide(decision, f"the payment is {payment.state} and its order {payment.order.state}.")
    if decision == REFUND:
        return _send_back(payment, Ask(None, None, None, reason, "admin", by=by, of_held=True), account)
    if decision == NO_MONEY:
        if asked.outcome is Outcome.UNREACHABLE:
            # What PortOne shows is what is judged: unseen, it would be taken for new the next time it is seen.
            raise CannotDecide(NO_MONEY, _SILENT)
        return in_one_step(lambda: _dismiss(payment, reason, by))
    if asked.outcome is not Outcome.APPLIED:
        raise CannotDecide(ACCEPT, _SILENT)
    if payment.is_held:
        return in_one_step(lambda: _count(payment, reason, by))
    record = _paid_record(payment, asked)
    return in_one_step(lambda: _accept(payment, record, reason, by))


def refund_surplus(
    payment: Payment, imp_uid: str, *, reason: str, by: Any, account: RefundAccount | None = None
) -> Refund:
    """Send back what a second record took under the same merchant_uid. Raises as refunds.refund."""
    refuse_inside_transaction()
    return _send_back(payment, Ask(None, None, None, reason, "admin", by=by, imp_uid=imp_uid), account)


def _send_back(payment: Payment, ask: Ask, account: RefundAccount | None) -> Refund:
    refund, is_new = reserve(payment, replace(ask, has_account=account is not None))
    return carry_on(refund, account if is_new else None, deadline=SEND_SECONDS)


def _paid_record(payment: Payment, asked: SyncResult) -> PaymentRecord:
    """What PortOne shows as received: an operator's word alone makes no money."""
    paid = [each for each in asked.records if each.merchant_uid == payment.merchant_uid]
    paid = [each for each in paid if evidence.finding(each) == evidence.PAID and each.remaining_amount > 0]
    mine = [each for each in paid if each.imp_uid == payment.imp_uid] or paid
    if not mine:
        raise CannotDecide(ACCEPT, "PortOne shows no money for it.")
    return mine[0]


def _accept(payment: Payment, record: PaymentRecord, reason: str, by: Any) -> Payment:
    attempt = LockedAttempt(payment.merchant_uid, [record.imp_uid], "admin")
    locked = attempt.payment
    if record.imp_uid in attempt.strangers:
        raise CannotDecide(ACCEPT, f"{record.imp_uid} is the payment of another order.")
    if locked.state not in _UNDECIDED:
        raise CannotDecide(ACCEPT, f"the payment is {locked.state} meanwhile.")
    _refuse_open_refund(attempt, ACCEPT)
    _refuse_paid_order(attempt)
    attempt.move("paid")
    follow_record(locked, record)
    locked.open_slot = None
    attempt.event("payment.paid", effect=f"payment.paid:{locked.pk}", imp_uid=record.imp_uid)
    _settle_order(attempt)
    take_back(attempt, record)
    _note(attempt, ACCEPT, reason, by)
    return attempt.finish()


def _count(payment: Payment, reason: str, by: Any) -> Payment:
    """Held money was received and matched already; it only had no order to settle."""
    attempt = LockedAttempt(payment.merchant_uid, (), "admin")
    if not attempt.payment.is_held:
        raise CannotDecide(ACCEPT, f"the payment is {attempt.payment.state} meanwhile.")
    _refuse_open_refund(attempt, ACCEPT)
    _refuse_paid_order(attempt)
    attempt.payment.hold_reason = ""
    _settle_order(attempt)
    follow_refunds(attempt)
    _note(attempt, ACCEPT, reason, by)
    return attempt.finish()


def _dismiss(payment: Payment, reason: str, by: Any) -> Payment:
    attempt = LockedAttempt(payment.merchant_uid, (), "admin")
    if attempt.payment.state not in _UNDECIDED:
        raise CannotDecide(NO_MONEY, f"the payment is {attempt.payment.state} meanwhile.")
    _refuse_open_refund(attempt, NO_MONEY)
    attempt.move("failed")
    attempt.payment.open_slot = None
    for imp_uid in evidence.holders(attempt.payment.records, evidence.PAID):
        attempt.once("payment.dismissed", dismissal(attempt.payment, imp_uid), imp_uid=imp_uid)
    _note(attempt, NO_MONEY, reason, by)
    return attempt.finish()


def _refuse_open_refund(attempt: LockedAttempt, decision: str) -> None:
    """What is on its way back can neither count nor be left alone."""
    if Refund.objects.filter(payment=attempt.payment).is_open().exists():
        raise CannotDecide(decision, "a refund of it is on its way.")


def _refuse_paid_order(attempt: LockedAttempt) -> None:
    order = attempt.order
    if order.is_paid or not can_move(ORDER_MOVES, order.state, "paid"):
        raise CannotDecide(ACCEPT, f"the order is {order.state}: only one payment can settle it.")


def _settle_order(attempt: LockedAttempt) -> None:
    payment, order = attempt.payment, attempt.order
    payment.paid_slot = order.pk
    order.paid_at = payment.paid_at or clock.wall()
    attempt.move_order("paid")
    attempt.event("order.paid", effect=f"order.paid:{order.pk}")
    for refund in Refund.objects.filter(payment=payment, imp_uid=payment.imp_uid or "").is_succeeded():
        tell_order(attempt, refund)  # it went back while nobody knew whose it was


def _note(attempt: LockedAttempt, decision: str, reason: str, by: Any) -> None:
    attempt.event("payment.decided", decision=decision, reason=reason, user=getattr(by, "pk", None))
    logger.info("Payment %s: an operator decided %s.", attempt.payment.merchant_uid, decision)
