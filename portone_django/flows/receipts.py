"""A cash receipt, at most once: the intent is committed, it is sent once, and what stays unknown ends by asking.

It is never sent a second time by machine, because the number it is issued on is not kept.
"""

from __future__ import annotations

import logging
from typing import Any

from ..clock import Tick, later, tick, wall
from ..conf import LEASE_SECONDS, QUIET_PERIOD_SECONDS, SEND_DEADLINE_SECONDS
from ..exceptions import ReceiptNotCancelled, ReceiptNotPossible, ReceiptPending
from ..gateway import (
    Misconfigured,
    NotFound,
    NotSent,
    PortOneError,
    ReceiptRecord,
    Refused,
    Unauthorized,
    get_client,
    refuse_inside_transaction,
)
from ..models import CashReceipt, Payment
from ..money import Parts
from ..storable import storable
from .breaker import DEADLINE_SECONDS, Breaker
from .dispatch import new_event, record
from .due import claimed
from .receipt_asking import ISSUED_BY_PG, reserve_receipt, user_id
from .receipt_facts import give_up, is_of_before, take
from .receipt_number import ReceiptNumber
from .steps import in_one_step
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.receipts")

# A process that slept between its intent and its send does not send: the sweep may have given the receipt up.
FENCE_SECONDS = 20.0
BETWEEN_LOOKS_SECONDS = 60
RETRY_SECONDS = 20
_LONGEST_PAUSE = 6 * 3600
_REFUSED = "refused: "
# In `fail_reason` while it is unknown: PortOne answered once, after the quiet period, that it has none.
_NOT_FOUND = "not_found"


def issue(
    payment: Payment,
    number: ReceiptNumber,
    kind: str,
    *,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    by: Any = None,
    deadline: float = SEND_DEADLINE_SECONDS,
) -> CashReceipt:
    """See receipts.issue_cash_receipt. Raises InsideTransaction, ReceiptNotPossible, ReceiptPending and ValueError."""
    refuse_inside_transaction()
    # The receipt is over what PortOne holds, so what was cancelled in its console is learned first.
    seen = sync_payment(payment.merchant_uid, source="receipt", deadline=DEADLINE_SECONDS)
    if seen.outcome is not Outcome.APPLIED:
        raise ReceiptNotPossible(
            payment.state, "PortOne does not show the payment, so nothing was sent. Try again later."
        )
    # Once we issued one, the flag may mean ours; before, only the PG can have.
    is_flagged = any(each.cash_receipt_issued for each in seen.records)
    if is_flagged and not CashReceipt.objects.filter(payment=payment).exclude(state="failed").exists():
        raise ReceiptNotPossible(payment.state, ISSUED_BY_PG)
    receipt, parts = reserve_receipt(payment, kind, tax_free_amount=tax_free_amount, vat_amount=vat_amount, by=by)
    _send(receipt, number, parts, deadline)
    receipt.refresh_from_db()
    return receipt


def cancel(payment: Payment, *, by: Any = None, deadline: float = SEND_DEADLINE_SECONDS) -> CashReceipt:
    """See receipts.cancel_cash_receipt. Raises InsideTransaction, ReceiptNotPossible, ReceiptPending, …NotCancelled."""
    refuse_inside_transaction()
    receipt = CashReceipt.objects.select_related("payment").filter(open_slot=payment.pk).first()
    if receipt is not None and receipt.is_undecided:
        receipt = carry_on(receipt)
        if receipt.is_undecided:
            raise ReceiptPending(receipt.pk, receipt.state)
    if receipt is None or receipt.state != "issued":
        return _cancelled_before(payment)
    _intend_cancel(receipt, by)
    failure: PortOneError | None = None
    try:
        take(receipt, get_client().cancel_receipt(receipt.payment.imp_uid or "", deadline=deadline))
    except PortOneError as error:
        failure = error
    if receipt.state != "cancelled":
        # A lost answer, and a refusal ("cancelled already"), are both decided by what PortOne shows.
        receipt = carry_on(receipt)
    if receipt.state != "cancelled":
        raise _not_cancelled(receipt, failure)
    return receipt


def carry_on(
    receipt: CashReceipt, *, is_due: bool = False, deadline: float = DEADLINE_SECONDS, breaker: Breaker | None = None
) -> CashReceipt:
    """Ask PortOne what became of a receipt; any number of callers, any number of times.

    `is_due` is the sweep's word that the row's next_check_at had passed when it took the row.
    """
    refuse_inside_transaction()
    receipt = CashReceipt.objects.select_related("payment").get(pk=receipt.pk)
    if receipt.state in ("failed", "cancelled") or (receipt.state == "sent" and _is_within(receipt, LEASE_SECONDS)):
        return receipt  # decided, or whoever sent it is still waiting for the answer
    is_due = is_due or (receipt.next_check_at is not None and receipt.next_check_at <= tick())
    is_answered, found = _ask(receipt, deadline, breaker or Breaker())
    if found is not None:
        return take(receipt, found)
    if not is_answered:
        _ask_again(receipt, _pause(receipt), is_due)
    elif receipt.is_undecided:
        _not_there(receipt, is_due)
    else:
        logger.error("Cash receipt %s is issued here, and PortOne knows none.", receipt.pk)
        CashReceipt.objects.filter(pk=receipt.pk).update(next_check_at=None)
    receipt.refresh_from_db()
    return receipt


def carry_on_due(breaker: Breaker, *, limit: int, end: float) -> int:
    """The sweep's share: every receipt that is due, until `end` of the monotonic clock; how many are decided now."""
    done = 0
    due = CashReceipt.objects.filter(next_check_at__lte=Tick())
    for receipt in claimed(due, limit=limit, breaker=breaker, end=end):
        try:
            done += not carry_on(receipt, is_due=True, breaker=breaker).is_undecided
        except Exception:
            logger.exception("Cash receipt %s could not be looked up; it will be tried again.", receipt.pk)
    return done


# Sending --------------------------------------------------------------------------------------------------------


def _send(receipt: CashReceipt, number: ReceiptNumber, parts: Parts, deadline: float) -> None:
    if not _is_within(receipt, FENCE_SECONDS):
        give_up(receipt, "not_sent")
        return
    try:
        found = _issue(receipt.payment, number, receipt.kind, parts, deadline)
    except NotSent:
        give_up(receipt, "not_sent")
    except (Unauthorized, Misconfigured, NotFound) as refused:
        give_up(receipt, _REFUSED + _said(refused))
    except Refused as refused:
        # It may say "issued already": what PortOne shows decides.
        _to_unknown(receipt, _REFUSED + _said(refused))
        carry_on(receipt)
    except PortOneError as error:
        logger.warning("Cash receipt %s: outcome unknown (%s)", receipt.pk, type(error).__name__)
        _to_unknown(receipt)
        # Most often the answer was lost and the deed was done: ask at once, not only in the next sweep.
        carry_on(receipt)
    except BaseException:
        # Interrupted (a soft time limit, Ctrl-C): it may have happened.
        _to_unknown(receipt)
        raise
    else:
        take(receipt, found)


def _issue(payment: Payment, number: ReceiptNumber, kind: str, parts: Parts, deadline: float) -> ReceiptRecord:
    order = payment.order
    return get_client().issue_receipt(
        payment.imp_uid or "",
        identifier=number.as_field(),
        kind=kind,
        tax_free=parts.tax_free_amount,
        vat_amount=parts.vat_amount,
        buyer_name=order.buyer_name or None,
        buyer_email=order.buyer_email or None,
        buyer_tel=order.buyer_tel or None,
        deadline=deadline,
    )


def _to_unknown(receipt: CashReceipt, why: str = "") -> None:
    mine = CashReceipt.objects.filter(pk=receipt.pk, state="sent")
    mine.update(state="unknown", fail_reason=why[:500], next_check_at=later(RETRY_SECONDS), updated_at=wall())


def _said(refused: Refused) -> str:
    return storable(refused.message or str(refused))


def _intend_cancel(receipt: CashReceipt, by: Any) -> None:
    """Committed before it is sent, and looked at again should this process end before the answer."""

    def intend() -> None:
        CashReceipt.objects.filter(pk=receipt.pk, state="issued").update(next_check_at=later(LEASE_SECONDS))
        payment = receipt.payment
        data = {"receipt": receipt.pk, "user": user_id(by)}
        event = new_event("receipt.cancel_requested", order=payment.order, payment=payment, source="receipt", data=data)
        record([event])

    in_one_step(intend)


def _not_cancelled(receipt: CashReceipt, failure: PortOneError | None) -> ReceiptNotCancelled:
    is_unknown = not isinstance(failure, Refused | NotSent)
    if is_unknown:
        # The cancel may still be on its way: looked at once more when it no longer can be.
        CashReceipt.objects.filter(pk=receipt.pk).update(next_check_at=later(QUIET_PERIOD_SECONDS))
    said = failure.message if isinstance(failure, Refused) else ""
    why = storable(said or str(failure or "PortOne does not show it as cancelled"))
    return ReceiptNotCancelled(receipt.pk, why.rstrip("."), is_unknown=is_unknown)


def _cancelled_before(payment: Payment) -> CashReceipt:
    """Cancelling twice is cancelling once."""
    last = CashReceipt.objects.filter(payment=payment).order_by("-pk").first()
    if last is None or last.state != "cancelled":
        raise ReceiptNotPossible(payment.state, "this payment has none that was issued here, so none can be cancelled.")
    return last


# Asking ---------------------------------------------------------------------------------------------------------


def _ask(receipt: CashReceipt, deadline: float, breaker: Breaker) -> tuple[bool, ReceiptRecord | None]:
    """Whether PortOne answered, and this receipt as it shows it (None: it has no such receipt)."""
    try:
        found = get_client().get_receipt(receipt.payment.imp_uid or "", deadline=deadline)
    except NotFound:
        breaker.note(Outcome.APPLIED)
        return True, None
    except PortOneError as error:
        logger.warning("Cash receipt %s could not be looked up: %s", receipt.pk, type(error).__name__)
        breaker.note(Outcome.UNREACHABLE)
        return False, None
    breaker.note(Outcome.APPLIED)
    return True, None if is_of_before(receipt, found) else found


def _not_there(receipt: CashReceipt, is_due: bool) -> None:
    """PortOne answers, and has none. Believed at once after its refusal, else twice, after the quiet period."""
    if receipt.fail_reason.startswith(_REFUSED):
        give_up(receipt, receipt.fail_reason)
    elif _is_within(receipt, QUIET_PERIOD_SECONDS):
        _ask_again(receipt, BETWEEN_LOOKS_SECONDS, is_due)
    elif receipt.fail_reason != _NOT_FOUND:
        first = CashReceipt.objects.filter(pk=receipt.pk, state=receipt.state, fail_reason=receipt.fail_reason)
        first.update(state="unknown", fail_reason=_NOT_FOUND, next_check_at=later(BETWEEN_LOOKS_SECONDS))
    elif is_due:
        give_up(receipt, "not_executed")


def _ask_again(receipt: CashReceipt, seconds: float, is_due: bool) -> None:
    # A look in between does not put off, and does not bring forward, the one that counts.
    if is_due:
        state = "unknown" if receipt.state == "sent" else receipt.state
        mine = CashReceipt.objects.filter(pk=receipt.pk, state=receipt.state)
        mine.update(state=state, next_check_at=later(seconds), updated_at=wall())


def _pause(receipt: CashReceipt) -> float:
    age = (tick() - receipt.sent_at).total_seconds() if receipt.sent_at else 0
    return min(max(RETRY_SECONDS, age / 2), _LONGEST_PAUSE)


def _is_within(receipt: CashReceipt, seconds: float) -> bool:
    """Whether, by database time, fewer than so many seconds have passed since it was sent."""
    return receipt.sent_at is not None and (tick() - receipt.sent_at).total_seconds() < seconds
