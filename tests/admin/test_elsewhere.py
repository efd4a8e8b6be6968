"""A refund made elsewhere is written down once, with who did it; nothing is sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django import clock
from portone_django.models import Event, Payment, Refund
from tests.shop import Shop

from .desk import ALL, Operator

pytestmark = pytest.mark.django_db(transaction=True)

TRANSFER = {"amount": "2,900원", "refunded_on": "2026-08-01", "reference": "IBK-17", "reason": "계좌이체"}


@pytest.fixture
def operator(db: None) -> Operator:
    return Operator(*ALL)


@pytest.fixture(autouse=True)
def august(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: dt.date(2026, 8, 6))


def test_it_is_written_down_once_with_its_user(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    operator.open("payment_refund_elsewhere", payment.pk)
    url = operator.url
    operator.press(**TRANSFER)
    assert "KRW 2,900 went back elsewhere." in operator.text
    operator.browser.post(url, TRANSFER)
    refund = Refund.objects.get()
    assert (refund.source, refund.state, refund.amount, refund.reference) == ("external", "succeeded", 2900, "IBK-17")
    assert (str(refund.refunded_on), refund.requested_by) == ("2026-08-01", operator.user)
    recorded = Event.objects.get(kind="refund.recorded")
    assert recorded.data == {"amount": 2900, "reason": "계좌이체", "user": operator.user.pk}
    assert recorded.refund == refund
    assert Payment.objects.get().external_refund_amount == 2900
    assert shop.sandbox.payment(payment.imp_uid)["cancel_amount"] == 0
    assert shop.delivered(payment.order, "order_refunded") == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "12901"}, "At most KRW 12,900"),
        ({"amount": "0"}, "greater than or equal to 1"),
        ({"refunded_on": "2026-08-07"}, "still to come"),
        ({"refunded_on": "yesterday"}, "Enter a valid date"),
        ({"reference": " "}, "This field is required"),
        ({"reference": "used"}, "Another refund has this reference already"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_and_the_rest_is_kept(
    shop: Shop, operator: Operator, typed: dict[str, str], said: str
) -> None:
    other = shop.paid()
    other.record_refund(amount=100, refunded_on=dt.date(2026, 8, 1), reference="used", reason="x")
    payment = shop.paid()
    operator.open("payment_refund_elsewhere", payment.pk).press(**{**TRANSFER, **typed})
    assert said in operator.text
    assert Refund.objects.count() == 1
    kept: dict[str, Any] = operator.fields()
    assert all(kept[name] == value for name, value in TRANSFER.items() if name not in typed)


def test_a_refund_on_its_way_stops_it(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("http_503", path="/payments/cancel")
    payment.refund(amount=900, reason="x")
    operator.open("payment_refund_elsewhere", payment.pk).press(**TRANSFER)
    assert "A refund of KRW 900 is not decided yet" in operator.text
    assert Refund.objects.count() == 1


def test_of_a_payment_without_money_none_can_have_gone_back(shop: Shop, operator: Operator) -> None:
    payment = shop.payment(shop.click(shop.order()))
    operator.open("payment_refund_elsewhere", payment.pk).press(**TRANSFER)
    assert "No money of this payment is here (Pending)" in operator.text
    assert not Refund.objects.exists()
