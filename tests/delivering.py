"""Escrow sales and parcels of a test."""

from __future__ import annotations

import datetime as dt
from typing import Any

from portone_django.escrow import PostalAddress
from portone_django.models import Payment
from tests.shop import Shop

SENDER = PostalAddress(name="카나리아상점", tel="02-9753-1086", addr="카나리아로 97", postcode="97531")
RECEIVER = PostalAddress(name="카나리아구매자", tel="010-9753-1086", addr="종달새길 31", postcode="86420")
SENT_AT = dt.datetime(2026, 8, 6, 12, 0, tzinfo=dt.UTC)
PARCEL: dict[str, Any] = {"company": "CJGLS", "invoice": "123456789012", "sent_at": SENT_AT}
WHO: dict[str, Any] = {"sender": SENDER, "receiver": RECEIVER}


def escrow_sale(shop: Shop, **terms: Any) -> Payment:
    started = shop.click(shop.order(**terms), escrow=True)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.escrow) == ("paid", True)
    return payment
