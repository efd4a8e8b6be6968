"""One write and one read, for the tests of what all calls have in common."""

from __future__ import annotations

from typing import Any

from portone_django.gateway import Client, PaymentRecord

from .records import payment
from .wire_server import ok

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
GOOD = ok(payment())


def charge(client: Client, **options: Any) -> PaymentRecord:
    return client.again(customer_uid="key-1", merchant_uid="t0001", amount=9900, name="이용권", **options)


def look_up(client: Client, **options: Any) -> PaymentRecord:
    return client.get_payment("imp_123456789012", include_sandbox=True, **options)
