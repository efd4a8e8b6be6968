"""Decides what we believe of PortOne's cash receipts. Amounts are won, times seconds since 1970 (UTC).

Source of the fields: PortOne V1 OpenAPI file, ReceiptAnnotation and ExternalReceiptAnnotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .parsing import Fields, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Receipt:
    kind: str
    amount: int
    vat: int
    applied_at: int
    cancelled_at: int | None
    receipt_tid: str | None
    apply_num: str | None
    receipt_url: str | None

    @property
    def is_cancelled(self) -> bool:
        """Whether it was taken back."""
        return self.cancelled_at is not None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReceiptRecord(_Receipt):
    """A payment's cash receipt. `kind` is person or company; `apply_num` is the tax office's number for it."""

    imp_uid: str

    def __repr__(self) -> str:
        return f"<ReceiptRecord {self.imp_uid} {self.amount}{' cancelled' if self.is_cancelled else ''}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExternalReceiptRecord(_Receipt):
    """As ReceiptRecord, of cash that was taken outside PortOne."""

    merchant_uid: str

    def __repr__(self) -> str:
        return f"<ExternalReceiptRecord {self.merchant_uid} {self.amount}{' cancelled' if self.is_cancelled else ''}>"


def receipt_of(imp_uid: str, value: Any) -> ReceiptRecord:
    """The receipt, if it is the one of that payment; else Unreadable."""
    fields = Fields(value, "receipt")
    return ReceiptRecord(imp_uid=_same(fields, "imp_uid", imp_uid), **_common(fields))


def external_receipt_of(merchant_uid: str, value: Any) -> ExternalReceiptRecord:
    """The receipt, if it is the one of that order id; else Unreadable."""
    fields = Fields(value, "receipt")
    return ExternalReceiptRecord(merchant_uid=_same(fields, "merchant_uid", merchant_uid), **_common(fields))


def _same(fields: Fields, name: str, asked: str) -> str:
    if fields.identifier(name) != asked:
        raise Unreadable(f"receipt.{name} is not the one asked for")
    return asked


def _common(fields: Fields) -> dict[str, Any]:
    if fields.won("vat") > fields.won("amount"):
        raise Unreadable("receipt.vat is more than receipt.amount")
    return {
        "kind": fields.identifier("type"),
        "amount": fields.won("amount"),
        "vat": fields.won("vat"),
        "applied_at": fields.moment_known("applied_at"),
        "cancelled_at": fields.moment("cancelled_at"),
        "receipt_tid": fields.word("receipt_tid"),
        "apply_num": fields.text("apply_num"),
        "receipt_url": fields.contact("receipt_url"),
    }
