"""What of PortOne's answer is kept on a Payment: an allow-list, cut to our columns; no buyer data, no card number."""

from __future__ import annotations

from ..clock import from_unix
from ..gateway import PaymentRecord
from ..links import is_receipt
from ..models import Payment
from ..storable import storable
from .reserving import made_elsewhere

_TEXTS = (
    "pay_method",
    "pg_provider",
    "emb_pg_provider",
    "pg_id",
    "pg_tid",
    "apply_num",
    "card_code",
    "card_name",
    "bank_name",
    "vbank_code",
    "vbank_name",
    "vbank_num",
    "vbank_holder",
    "fail_reason",
)
# Blanked with their order; PortOne still has them, and a later look must not bring them back.
_PERSONAL = ("apply_num", "vbank_num", "vbank_holder")
_LIMITS = {field.name: getattr(field, "max_length", None) for field in Payment._meta.concrete_fields}


def copy_answer(payment: Payment, record: PaymentRecord) -> None:
    """Copy the allow-listed fields of the record that this payment follows from now on."""
    payment.imp_uid = record.imp_uid
    is_blanked = payment.order.blanked_at is not None
    for name in _TEXTS:
        if is_blanked and name in _PERSONAL:
            continue
        setattr(payment, name, storable(getattr(record, name) or "")[: _LIMITS[name]])
    payment.sandbox = record.sandbox
    payment.escrow = record.escrow
    payment.cash_receipt_issued = record.cash_receipt_issued
    payment.card_quota = record.card_quota if record.card_quota and 0 <= record.card_quota <= 60 else None
    payment.vbank_expires_at = from_unix(record.vbank_date)
    payment.paid_at = from_unix(record.paid_at)
    payment.failed_at = from_unix(record.failed_at)
    if not is_blanked:
        payment.receipt_url = record.receipt_url if record.receipt_url and is_receipt(record.receipt_url) else ""


def follow_record(payment: Payment, record: PaymentRecord) -> None:
    """Take the record for the money of this payment: what was received, and no sums of another record before it."""
    if payment.imp_uid != record.imp_uid:
        payment.cancel_amount = 0
        is_known = record.imp_uid in payment.surplus
        payment.external_refund_amount = made_elsewhere(payment, record.imp_uid) if is_known else 0
    copy_answer(payment, record)
    payment.received_amount = record.amount
    payment.surplus = {key: facts for key, facts in payment.surplus.items() if key != record.imp_uid}
