"""Whether a cash receipt may be asked for: decided and written down under the payment's lock, before it is sent."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError

from ..clock import Tick, later
from ..conf import LEASE_SECONDS
from ..exceptions import ReceiptNotPossible, ReceiptPending
from ..models import CashReceipt, Payment, Refund
from ..money import Parts, require_split
from .dispatch import new_event, record
from .reserving import rest_of, user_of
from .steps import in_one_step

METHODS = ("vbank", "trans")
ISSUED_BY_PG = "KG Inicis issued one already, as the buyer asked in the payment window."


def reserve_receipt(
    payment: Payment, kind: str, *, tax_free_amount: int | None, vat_amount: int | None, by: Any
) -> tuple[CashReceipt, Parts]:
    """The row of a receipt that is about to be sent, and the amounts to state.

    Raises ReceiptNotPossible, ReceiptPending, and TypeError or ValueError for the kind and the amounts.
    """
    if kind not in CashReceipt.Kind.values:
        raise ValueError(f'kind must be "person" (소득공제) or "company" (지출증빙), not {kind!r}')

    def step() -> tuple[CashReceipt, Parts]:
        return _reserve(payment.pk, kind, tax_free_amount, vat_amount, by)

    try:
        receipt, parts = in_one_step(step)
    except IntegrityError:
        # Where rows are not locked (SQLite), another may take the slot between our look and our insert.
        receipt, parts = in_one_step(step)
    receipt.refresh_from_db()
    return receipt, parts


def user_id(by: Any) -> Any:
    """The id of the user who decided, for the audit row; None without one."""
    return getattr(user_of(by), "pk", None)


def _reserve(
    payment_id: int, kind: str, tax_free_amount: int | None, vat_amount: int | None, by: Any
) -> tuple[CashReceipt, Parts]:
    payment = Payment.objects.select_for_update().select_related("order").get(pk=payment_id)
    if other := CashReceipt.objects.filter(open_slot=payment.pk).first():
        raise ReceiptPending(other.pk, other.state)
    if why := _why_not(payment):
        raise ReceiptNotPossible(payment.state, why)
    parts = _parts(payment, tax_free_amount, vat_amount)
    receipt = CashReceipt.objects.create(
        payment=payment,
        open_slot=payment.pk,
        state="sent",
        kind=kind,
        sent_at=Tick(),
        next_check_at=later(LEASE_SECONDS),
    )
    data = {"receipt": receipt.pk, "kind": kind, "amount": parts.amount, "user": user_id(by)}
    event = new_event("receipt.requested", order=payment.order, payment=payment, source="receipt", data=data)
    record([event])
    return receipt, parts


def _why_not(payment: Payment) -> str:
    """Why none can be issued; "" when one can."""
    if payment.state not in ("paid", "partially_refunded") or not payment.imp_uid:
        return f"the payment is {payment.state}, and a receipt is over money that is here."
    if payment.pay_method not in METHODS:
        return f"they are for account transfers and virtual accounts, not for {payment.pay_method or 'this method'}."
    if payment.cash_receipt_issued:
        return ISSUED_BY_PG
    if payment.external_refund_amount:
        return (
            "a part went back outside PortOne, which would issue it over too much. "
            "Issue it in KG Inicis' own console (상점관리자)."
        )
    if Refund.objects.filter(payment=payment).is_open().exists():
        return "a refund is not decided yet, so nobody knows how much remains. refund.sync() asks PortOne."
    return "" if payment.remaining_amount > 0 else "all of the money went back."


def _parts(payment: Payment, tax_free_amount: int | None, vat_amount: int | None) -> Parts:
    """What remains, with the parts that the payment stated, or with those that somebody states now."""
    rest, is_exact = rest_of(payment)
    if tax_free_amount is not None or vat_amount is not None:
        require_split(rest.amount, tax_free_amount=tax_free_amount, vat_amount=vat_amount)
        return Parts(rest.amount, tax_free_amount, vat_amount)
    if is_exact or (rest.tax_free_amount is None and rest.vat_amount is None):
        return rest
    raise ValueError(
        "tax_free_amount and vat_amount were stated when the payment was made, and a cancel in PortOne's console does "
        f"not say its own. Write: tax_free_amount=…, vat_amount=… of the {rest.amount} won that remain"
    )
