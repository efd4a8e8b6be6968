"""Decides how cash receipts (현금영수증) are issued, read and cancelled. See payments.py for `deadline` and errors.

`identifier` is a person's telephone number, a business number or a receipt card's: it is sent and shown nowhere.
"""

from __future__ import annotations

from functools import partial

from . import ids
from .answers import Call
from .calls import Calls, body, one_of, won, won_or_none
from .discretion import discreet
from .receipt_replies import ExternalReceiptRecord, ReceiptRecord, external_receipt_of, receipt_of

KINDS = ("person", "company")


class ReceiptCalls(Calls):
    """Everything under /receipts. Looking up a receipt that was never issued raises NotFound."""

    @discreet
    def issue_receipt(
        self,
        imp_uid: str,
        *,
        identifier: str,
        kind: str = "person",
        tax_free: int | None = None,
        vat_amount: int | None = None,
        buyer_name: str | None = None,
        buyer_email: str | None = None,
        buyer_tel: str | None = None,
        deadline: float | None = None,
    ) -> ReceiptRecord:
        """Issues the receipt of an account transfer or virtual account, over what PortOne still holds of it.

        Refused when there is one already. A 5xx may be KG Inicis' refusal as well as an outage: look it up.
        """
        fields = body(
            identifier=identifier,
            type=one_of("kind", kind, KINDS),
            tax_free=won_or_none("tax_free", tax_free),
            vat_amount=won_or_none("vat_amount", vat_amount),
            buyer_name=buyer_name,
            buyer_email=buyer_email,
            buyer_tel=buyer_tel,
        )
        path = ids.path("receipts", ids.imp_uid(imp_uid))
        call = Call("issue_receipt", "POST", path, body=fields)
        return self._transport.call(call, partial(receipt_of, imp_uid), self._deadline(deadline))

    def get_receipt(self, imp_uid: str, *, deadline: float | None = None) -> ReceiptRecord:
        """The payment's last receipt, also a cancelled one; raises NotFound."""
        path = ids.path("receipts", ids.imp_uid(imp_uid))
        return self._get("get_receipt", path, partial(receipt_of, imp_uid), self._deadline(deadline))

    def cancel_receipt(self, imp_uid: str, *, deadline: float | None = None) -> ReceiptRecord:
        """Cancels the payment's receipt (not the payment)."""
        call = Call("cancel_receipt", "DELETE", ids.path("receipts", ids.imp_uid(imp_uid)))
        return self._transport.call(call, partial(receipt_of, imp_uid), self._deadline(deadline))

    @discreet
    def issue_external_receipt(
        self,
        merchant_uid: str,
        *,
        channel_key: str,
        name: str,
        amount: int,
        identifier: str,
        kind: str = "person",
        tax_free: int | None = None,
        vat_amount: int | None = None,
        buyer_name: str | None = None,
        buyer_email: str | None = None,
        buyer_tel: str | None = None,
        deadline: float | None = None,
    ) -> ExternalReceiptRecord:
        """Issues the receipt of cash that was taken outside PortOne, under an order id of the merchant's own."""
        fields = body(
            channel_key=channel_key,
            name=name,
            amount=won("amount", amount),
            identifier=identifier,
            type=one_of("kind", kind, KINDS),
            tax_free=won_or_none("tax_free", tax_free),
            vat_amount=won_or_none("vat_amount", vat_amount),
            buyer_name=buyer_name,
            buyer_email=buyer_email,
            buyer_tel=buyer_tel,
        )
        call = Call("issue_external_receipt", "POST", _external(merchant_uid), body=fields)
        return self._transport.call(call, partial(external_receipt_of, merchant_uid), self._deadline(deadline))

    def get_external_receipt(self, merchant_uid: str, *, deadline: float | None = None) -> ExternalReceiptRecord:
        """The receipt of an outside sale; raises NotFound."""
        read = partial(external_receipt_of, merchant_uid)
        return self._get("get_external_receipt", _external(merchant_uid), read, self._deadline(deadline))

    def cancel_external_receipt(self, merchant_uid: str, *, deadline: float | None = None) -> ExternalReceiptRecord:
        """Cancels the receipt of an outside sale; raises NotFound when none was issued."""
        call = Call("cancel_external_receipt", "DELETE", _external(merchant_uid))
        return self._transport.call(call, partial(external_receipt_of, merchant_uid), self._deadline(deadline))


def _external(merchant_uid: str) -> str:
    return ids.path("receipts", "external", ids.merchant_uid(merchant_uid))
