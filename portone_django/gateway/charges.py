"""Decides how money is taken without the buyer being there: by a card typed in, or by a card on file.

`code` 0 does not mean paid: read `status` of the record (failed = the card company refused, `fail_reason` says why).
PortOne V1 has no idempotency key: write the `merchant_uid` down first, and after OutcomeUnknown look it up, never send
it again before that. See payments.py for `deadline` and errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import ids
from .answers import Call
from .calls import Calls, body, won, won_or_none
from .cards import CardData
from .discretion import discreet
from .replies import KRW, PaymentRecord


class ChargeCalls(Calls):
    """POST /subscribe/payments/onetime and /again."""

    @discreet
    def onetime(
        self,
        *,
        card: CardData,
        merchant_uid: str,
        amount: int,
        name: str,
        buyer_name: str | None = None,
        buyer_email: str | None = None,
        buyer_tel: str | None = None,
        buyer_addr: str | None = None,
        buyer_postcode: str | None = None,
        customer_uid: str | None = None,
        channel_key: str | None = None,
        pg: str | None = None,
        currency: str = KRW,
        tax_free: int | None = None,
        vat_amount: int | None = None,
        card_quota: int | None = None,
        custom_data: str | None = None,
        notice_url: str | None = None,
        browser_ip: str | None = None,
        bypass: str | None = None,
        deadline: float | None = None,
    ) -> PaymentRecord:
        """Charges a card once; with `customer_uid` also keeps it on file. Inicis needs buyer_name, _email and _tel."""
        fields = body(
            merchant_uid=ids.merchant_uid(merchant_uid),
            amount=won("amount", amount),
            name=name,
            buyer_name=buyer_name,
            buyer_email=buyer_email,
            buyer_tel=buyer_tel,
            buyer_addr=buyer_addr,
            buyer_postcode=buyer_postcode,
            customer_uid=None if customer_uid is None else ids.customer_uid(customer_uid),
            channel_key=channel_key,
            pg=pg,
            currency=currency,
            tax_free=won_or_none("tax_free", tax_free),
            vat_amount=won_or_none("vat_amount", vat_amount),
            card_quota=card_quota,
            custom_data=custom_data,
            notice_url=notice_url,
            browser_ip=browser_ip,
            bypass=bypass,
            **card.wire_fields(),
        )
        call = Call("onetime", "POST", "/subscribe/payments/onetime", body=fields)
        return self._transport.call(call, PaymentRecord.parse, self._deadline(deadline))

    @discreet
    def again(
        self,
        *,
        customer_uid: str,
        merchant_uid: str,
        amount: int,
        name: str,
        buyer_name: str | None = None,
        buyer_email: str | None = None,
        buyer_tel: str | None = None,
        buyer_addr: str | None = None,
        buyer_postcode: str | None = None,
        channel_key: str | None = None,
        currency: str = KRW,
        tax_free: int | None = None,
        vat_amount: int | None = None,
        card_quota: int | None = None,
        product_count: int | None = None,
        custom_data: str | None = None,
        notice_url: str | None = None,
        browser_ip: str | None = None,
        bypass: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> PaymentRecord:
        """Charges a card on file. Refused may also mean "this merchant_uid is paid already": look it up."""
        fields = body(
            customer_uid=ids.customer_uid(customer_uid),
            merchant_uid=ids.merchant_uid(merchant_uid),
            amount=won("amount", amount),
            name=name,
            buyer_name=buyer_name,
            buyer_email=buyer_email,
            buyer_tel=buyer_tel,
            buyer_addr=buyer_addr,
            buyer_postcode=buyer_postcode,
            channel_key=channel_key,
            currency=currency,
            tax_free=won_or_none("tax_free", tax_free),
            vat_amount=won_or_none("vat_amount", vat_amount),
            card_quota=card_quota,
            product_count=product_count,
            custom_data=custom_data,
            notice_url=notice_url,
            browser_ip=browser_ip,
            bypass=bypass,
            extra=extra,
        )
        call = Call("again", "POST", "/subscribe/payments/again", body=fields)
        return self._transport.call(call, PaymentRecord.parse, self._deadline(deadline))
