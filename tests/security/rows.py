"""An attempt whose answer came from PortOne with hostile texts in it, through the same steps as a real one."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from portone_django.flows.snapshot import copy_answer
from portone_django.gateway.replies import PaymentRecord
from portone_django.models import Order, Payment
from portone_django.tokens import sign_attempt
from tests.factories import PaymentFactory
from tests.gateway.records import payment as record

from .markup import Page

ORDER_STATES = {"paid": "paid", "awaiting_deposit": "awaiting_deposit"}


def attempt(order: Order, state: str, **answer: Any) -> Payment:
    """An attempt of the order in that state, with PortOne's answer copied onto it."""
    payment: Payment = PaymentFactory(order=order, state=state)
    order.state = ORDER_STATES.get(state, "open")
    order.save()
    return put_answer(payment, **answer)


def put_answer(payment: Payment, **answer: Any) -> Payment:
    """Copy PortOne's answer onto the attempt as settlement does."""
    record_ = record(merchant_uid=payment.merchant_uid, imp_uid=f"imp_{payment.pk:012d}", **answer)
    copy_answer(payment, PaymentRecord.parse(record_))
    payment.checked_at = payment.created_at.replace(year=2099)  # nobody asks PortOne while the page is looked at
    payment.save()
    return payment


def page_of(payment: Payment, **headers: str) -> Page:
    """Its result page, read as a browser reads it."""
    response = Client().get(reverse("portone:result", args=[sign_attempt(payment.merchant_uid)]), headers=headers)
    assert response.status_code == 200
    return Page(response.content.decode())
