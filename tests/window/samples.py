"""One attempt to open windows with: what the tests do not talk about."""

from __future__ import annotations

import datetime as dt
from typing import Any

from portone_django.window import Buyer, WindowOptions, request_pay_params

NOW = dt.datetime(2026, 8, 1, 16, 0, tzinfo=dt.UTC)  # 01:00 on 2 August in Korea
BUYER = Buyer(name="홍길동", email="hong@example.com", tel="010-1234-5678")


def opened(amount: int = 60_000, attempt: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """The parameters of a window with these options, `attempt` replacing what request_pay_params needs besides."""
    return request_pay_params(
        WindowOptions.parse(**options),
        **{
            "merchant_uid": "t0123456789",
            "amount": amount,
            "currency": "KRW",
            "name": "Americano",
            "tax_free_amount": None,
            "vat_amount": None,
            "buyer": BUYER,
            "channel_key": "channel-key-1",
            "pg": None,
            "m_redirect_url": "https://shop.example/pay/return/abc/",
            "notice_url": "https://shop.example/pay/webhook/",
            "confirm_url": None,
            "now": NOW,
            **(attempt or {}),
        },
    )
