"""Refunds: what a project sends back, asks for, or writes down.

Every amount is won. A refund is one row (models.Refund), decided before it is sent and settled by PortOne's own
cancel_history; what PortOne does not tell stays `unknown` and is asked about by the sweep until it is known.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Unpack

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from . import clock
from .conf import SEND_DEADLINE_SECONDS
from .exceptions import NotRefundable
from .flows import external
from .flows.refund_account import RefundAccount
from .flows.refunds import carry_on
from .flows.reserving import Ask, reserve
from .gateway import InsideTransaction, refuse_inside_transaction
from .models import Order, Payment, Refund
from .models.refund import RefundOptions

__all__ = ["RefundAccount", "record_refund", "refund", "refund_order", "request_refund"]

# The commit is most often a web request's, and its browser waits.
AFTER_COMMIT_SECONDS = 20.0
# An undecided attempt is asked about before anything is said about its money.
_SYNC_STATES = ("created", "pending", "awaiting_deposit", "unknown")


@sensitive_variables("account")
def refund(
    payment: Payment,
    *,
    amount: int | None = None,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    reason: str,
    account: RefundAccount | None = None,
    reference: str | None = None,
    by: Any = None,
    source: str = "app",
    deadline: float = SEND_DEADLINE_SECONDS,
) -> Refund:
    """Send money of a payment back, now; None for `amount` is all that remains, 0 is refused.

    Look at `state` of what comes back: succeeded, failed (with `fail_reason`; no money moved), or unknown and reserved,
    which the sweep carries on. `tax_free_amount` and `vat_amount` are needed for a part of a payment that stated them.
    `account` is where a virtual account's money goes. With a `reference` any number of calls make one refund, also one
    that failed: another try has another reference. `by` is the user who decided.
    Raises InsideTransaction inside a transaction (request_refund is for there), NotRefundable, RefundPending,
    RefundConflict, and TypeError or ValueError for amounts that cannot be.
    """
    _refuse_inside_transaction()
    if payment.state in _SYNC_STATES:
        payment.sync(source="refund")
    ask = Ask(
        amount, tax_free_amount, vat_amount, reason, source, reference=reference, by=by, has_account=bool(account)
    )
    reserved, is_new = reserve(payment, ask)
    done = carry_on(reserved, account if is_new else None, deadline=deadline)
    payment.refresh_from_db()
    return done


@sensitive_variables("account")
def request_refund(
    payment: Payment,
    *,
    amount: int | None = None,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    reason: str,
    account: RefundAccount | None = None,
    reference: str | None = None,
    by: Any = None,
) -> Refund:
    """Reserve a refund in the caller's transaction; it is sent right after the commit, or by the sweep.

    When the transaction is rolled back, nothing was ever reserved or sent. Arguments and errors as `refund`'s.
    """
    ask = Ask(amount, tax_free_amount, vat_amount, reason, "app", reference=reference, by=by, has_account=bool(account))
    reserved, is_new = reserve(payment, ask)
    sent: list[Refund] = []
    if is_new:

        def send() -> None:
            sent.append(carry_on(reserved, account, deadline=AFTER_COMMIT_SECONDS))

        transaction.on_commit(send, robust=True)
    return sent[0] if sent else reserved  # outside of a transaction it was sent just now


def refund_order(order: Order, **options: Unpack[RefundOptions]) -> Refund:
    """Refund the payment that settled the order; see `refund`. Raises NotRefundable when none did."""
    _refuse_inside_transaction()
    payment = Payment.objects.filter(paid_slot=order.pk).first() or _asked_about(order)
    if payment is None:
        raise NotRefundable(order.state, f"order {order.public_id} was not settled by a payment (it is {order.state}).")
    done = refund(payment, **options)
    order.refresh_from_db()
    return done


def _asked_about(order: Order) -> Payment | None:
    """The attempt that settled it after all, when PortOne is asked about the one that is undecided."""
    for attempt in Payment.objects.filter(open_slot=order.pk, state__in=_SYNC_STATES):
        attempt.sync(source="refund")
    return Payment.objects.filter(paid_slot=order.pk).first()


def record_refund(
    payment: Payment,
    *,
    amount: int,
    refunded_on: dt.date,
    reference: str,
    reason: str,
    by: Any = None,
    imp_uid: str | None = None,
) -> Refund:
    """Write down money that went back outside PortOne: a bank transfer, a cancel in KG Inicis' own console.

    `refunded_on` is the day it happened (not in the future), `reference` what finds it there (a transfer's number).
    `imp_uid` names the second record where it was that which went back (`payment.surplus`); the order keeps its money.
    Raises NotRefundable, RefundPending, RefundConflict, TypeError or ValueError.
    """
    if refunded_on > clock.today():
        raise ValueError(f"refunded_on is in the future: {refunded_on}")
    done = external.record_external(
        payment, amount=amount, refunded_on=refunded_on, reference=reference, reason=reason, by=by, imp_uid=imp_uid
    )
    payment.refresh_from_db()
    return done


def _refuse_inside_transaction() -> None:
    try:
        refuse_inside_transaction()
    except InsideTransaction:
        raise InsideTransaction(
            "refund() asks PortOne, and a rollback would forget what PortOne did. Inside a transaction write: "
            "payment.request_refund(…), which is sent after the commit."
        ) from None
