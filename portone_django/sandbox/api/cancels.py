"""POST /payments/cancel: reads the request, answers the whole payment; refusals are in band."""

from __future__ import annotations

from .. import amounts, cancelling
from ..calls import Call, Reply, envelope
from ..routing import route


@route("POST", "/payments/cancel")
def cancel(call: Call) -> Reply:
    body = call.body
    request = cancelling.Cancel(
        imp_uid=call.text("imp_uid"),
        merchant_uid=call.text("merchant_uid"),
        amount=amounts.optional(body.get("amount"), "amount"),
        checksum=amounts.optional(body.get("checksum"), "checksum"),
        tax_free=amounts.optional(body.get("tax_free"), "tax_free"),
        vat_amount=amounts.optional(body.get("vat_amount"), "vat_amount"),
        reason=call.text("reason"),
        refund_holder=call.text("refund_holder"),
        refund_bank=call.text("refund_bank"),
        refund_account=call.text("refund_account"),
        enable_webhook=call.flag("enable_webhook"),
    )
    call.sandbox.wait_for_approval()
    return envelope(cancelling.cancel(call.sandbox, request))
