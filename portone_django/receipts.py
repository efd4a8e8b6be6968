"""Cash receipts (현금영수증) of account transfers and virtual accounts: what a project issues and takes back.

The number that one is issued on is passed to PortOne and kept nowhere: not in a row, not in a log, not in an event.
"""

from __future__ import annotations

from typing import Any

from .conf import SEND_DEADLINE_SECONDS
from .flows import receipts
from .flows.receipt_number import ReceiptNumber
from .gateway.discretion import discreet
from .models import CashReceipt, Payment

__all__ = ["cancel_cash_receipt", "issue_cash_receipt"]


@discreet
def issue_cash_receipt(
    payment: Payment,
    *,
    identifier: str,
    kind: str = "person",
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    by: Any = None,
    deadline: float = SEND_DEADLINE_SECONDS,
) -> CashReceipt:
    """Issue the receipt of a received payment, over what remains of it, now.

    `identifier` is a telephone, a business number or a cash receipt card; `kind` "person" (income deduction) or
    "company" (proof of expenditure). The tax-free amount and the VAT that remain are taken from the payment; state them
    where a cancel in PortOne's console did not. Look at `state` of what comes back: issued, failed (with `fail_reason`;
    ask for another), or unknown, which the sweep looks up until it is known and which is never sent again.
    Raises InsideTransaction inside a transaction, ReceiptNotPossible, ReceiptPending, and TypeError or ValueError
    (which never repeats the number).
    """
    number = ReceiptNumber(identifier)
    done = receipts.issue(
        payment, number, kind, tax_free_amount=tax_free_amount, vat_amount=vat_amount, by=by, deadline=deadline
    )
    payment.refresh_from_db()
    return done


def cancel_cash_receipt(payment: Payment, *, by: Any = None, deadline: float = SEND_DEADLINE_SECONDS) -> CashReceipt:
    """Take the payment's receipt back (not its money), and return it cancelled; a second time changes nothing.

    Raises InsideTransaction inside a transaction, ReceiptNotPossible when none was issued, ReceiptPending while nobody
    knows whether one was, and ReceiptNotCancelled when PortOne refuses or its answer is lost.
    """
    return receipts.cancel(payment, by=by, deadline=deadline)
