"""No impossible amount enters by the shop, by PortOne's answer, by the confirm process or past the models."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portone_django.flows.reconciliation import reconcile
from portone_django.flows.webhooks import process_due
from portone_django.models import Event, Order, Payment
from portone_django.orders import create_order
from tests.factories import OrderFactory, PaymentFactory
from tests.shop import Shop

from .wiretap import Wiretap, in_text

pytestmark = pytest.mark.django_db


class Won(int):
    """An int that may compare as it likes."""


NOT_WON: list[Any] = [
    True, False, 9900.0, 9900.5, "9900", "9,900", b"9900", None, [9900], {"total": 9900}, Decimal(9900), Fraction(9900),
    float("nan"), float("inf"), 1e400, Won(9900), complex(9900),
]  # fmt: skip
IMPOSSIBLE = [-1, -9900, 10**12, 10**15, 2**53, 2**63, 10**400]


@pytest.mark.parametrize("amount", NOT_WON, ids=repr)
@pytest.mark.parametrize("field", ["amount", "tax_free_amount", "vat_amount"])
def test_what_is_no_int_makes_and_changes_no_order(field: str, amount: Any) -> None:
    if amount is None and field != "amount":
        return
    order = create_order(name="원두", amount=9900)
    with pytest.raises(TypeError, match=field):
        create_order(**{"name": "원두", "amount": 9900, field: amount})
    if amount is not None:
        with pytest.raises(TypeError, match=field):
            order.change(**{field: amount})
    order.refresh_from_db()
    assert (order.amount, order.tax_free_amount, order.vat_amount, Order.objects.count()) == (9900, None, None, 1)


@pytest.mark.parametrize("amount", IMPOSSIBLE, ids=lambda amount: f"{float(amount) if amount < 10**300 else 0:g}")
@pytest.mark.parametrize("field", ["amount", "tax_free_amount", "vat_amount"])
def test_an_impossible_amount_makes_and_changes_no_order(field: str, amount: int) -> None:
    order = create_order(name="원두", amount=9900)
    with pytest.raises(ValueError, match=field):
        create_order(**{"name": "원두", "amount": 9900, field: amount})
    with pytest.raises(ValueError, match=field):
        order.change(**{field: amount})
    order.refresh_from_db()
    assert (order.amount, order.tax_free_amount, order.vat_amount, Order.objects.count()) == (9900, None, None, 1)


def test_an_amount_below_its_tax_parts_is_refused_when_the_order_changes() -> None:
    order = create_order(name="원두", amount=9900, tax_free_amount=5000)
    with pytest.raises(ValueError, match="tax_free_amount"):
        order.change(amount=4000)


@pytest.mark.parametrize(
    "values",
    [{"amount": -1}, {"tax_free_amount": -1}, {"tax_free_amount": 12901}, {"vat_amount": -1}, {"vat_amount": 12901},
     {"refunded_amount": -1}, {"refunded_amount": 12901}],
    ids=str,
)  # fmt: skip
def test_the_orders_table_refuses_what_code_let_through(values: dict[str, int]) -> None:
    order = OrderFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**values)


@pytest.mark.parametrize("values", [{"amount": 0}, {"amount": -1}, {"cancel_amount": -1}], ids=str)
def test_the_payments_table_refuses_what_code_let_through(values: dict[str, int]) -> None:
    payment = PaymentFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(**values)


# What PortOne, or somebody in between, answers -------------------------------------------------------------------

AMOUNT = '"amount": 12900,'
ANSWERS = {
    "true": (AMOUNT, '"amount": true,'),
    "a text": (AMOUNT, '"amount": "12900",'),
    "a fraction": (AMOUNT, '"amount": 12900.5,'),
    "NaN": (AMOUNT, '"amount": NaN,'),
    "Infinity": (AMOUNT, '"amount": Infinity,'),
    "1e400": (AMOUNT, '"amount": 1e400,'),
    "1e999999999": (AMOUNT, '"amount": 1e999999999,'),
    "negative": (AMOUNT, '"amount": -12900,'),
    "null": (AMOUNT, '"amount": null,'),
    "a list": (AMOUNT, '"amount": [12900],'),
    "total": (AMOUNT, '"amount": {"total": 12900},'),
    "missing": (AMOUNT, ""),
    "twice": (AMOUNT, '"amount": 1, "amount": 12900,'),
    "twice, the right one first": (AMOUNT, '"amount": 12900, "amount": 1,'),
    "status twice": ('"status": "paid"', '"status": "ready", "status": "paid"'),
    "code twice": ('"code": 0', '"code": 1, "code": 0'),
    "code true": ('"code": 0', '"code": false'),
    "cancelled as text": ('"cancel_amount": 0', '"cancel_amount": "0"'),
    "sandbox as text": ('"sandbox": true', '"sandbox": "true"'),
    "sandbox as 1": ('"sandbox": true', '"sandbox": 1'),
    "currency as list": ('"currency": "KRW"', '"currency": ["KRW"]'),
    "status as list": ('"status": "paid"', '"status": ["paid"]'),
    "half": (r"\}\s*$", ""),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_cannot_be_believed_settles_nothing_and_the_true_one_later_does(
    shop: Shop, settings: Any, answer: str
) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    order = shop.order()
    started, imp_uid = shop.pay(order)
    tap = Wiretap()
    tap.tamper("^/payments/", in_text(*ANSWERS[answer]))
    assert shop.callback(started, imp_uid)["state"] == "confirming"
    assert shop.come_back(started, imp_uid=imp_uid).status_code == 200
    assert (
        shop.webhook(imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"], status="paid").status_code == 200
    )
    Payment.objects.update(next_check_at=order.created_at)
    process_due()
    reconcile()
    order.refresh_from_db()
    assert (order.state, shop.payment(started).state, paid_events(order)) == ("open", "pending", 0)
    assert len(tap.requests) >= 3
    tap.tampers.clear()
    assert shop.callback(started, imp_uid)["state"] == "paid"
    assert paid_events(order) == 1


@pytest.mark.parametrize("amount", ["0", "1", "12899", "12901", "1290000", "12900e0", "12900.0"])
def test_only_the_asked_amount_settles_however_it_is_written(shop: Shop, amount: str) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    Wiretap().tamper("^/payments/", in_text(AMOUNT, f'"amount": {amount},'))
    shop.callback(started, imp_uid)
    is_equal = float(amount) == 12900
    assert shop.payment(started).state == ("paid" if is_equal else "quarantined")
    assert paid_events(order) == int(is_equal)


@pytest.mark.parametrize("fault", ["duplicate_keys", "malformed", "truncated", "html_200", "empty_200"])
def test_a_broken_answer_settles_nothing(shop: Shop, fault: str) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add(fault, path="/payments/*", times=99)
    assert shop.callback(started, imp_uid)["state"] == "confirming"
    assert (shop.payment(started).state, paid_events(order)) == ("pending", 0)


# What the confirm process is asked -------------------------------------------------------------------------------

SAME = [12900, "12900", 12900.0]
OTHER: list[Any] = [
    True, None, "", "12900원", "12,900", " 12900", "１２９００", "1.29e4", "0x3264", [12900], {"total": 12900}, 12900.5,
    -12900, 0, 1, 12901, "9" * 400, 10**400,
]  # fmt: skip


@pytest.mark.parametrize("amount", SAME, ids=repr)
def test_the_confirm_process_passes_the_amount_of_the_order(shop: Shop, amount: Any) -> None:
    started = shop.click(shop.order())
    assert confirm(merchant_uid=started["params"]["merchant_uid"], amount=amount) == 200


@pytest.mark.parametrize("amount", OTHER, ids=lambda amount: repr(amount)[:20])
def test_the_confirm_process_stops_every_other_amount(shop: Shop, amount: Any) -> None:
    started = shop.click(shop.order())
    assert confirm(merchant_uid=started["params"]["merchant_uid"], amount=amount) == 409


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "-0", "12900e-1"])
def test_a_number_that_is_none_stops_the_confirm_process(shop: Shop, text: str) -> None:
    uid = shop.click(shop.order())["params"]["merchant_uid"]
    body = f'{{"merchant_uid": "{uid}", "amount": {text}}}'
    assert Client().post(reverse("portone:confirm"), body, content_type="application/json").status_code in (400, 409)


def test_the_confirm_process_changes_no_row(shop: Shop) -> None:
    started = shop.click(shop.order())
    before = [list(model.objects.values()) for model in (Order, Payment, Event)]
    for amount in [*SAME, *OTHER[:5]]:
        confirm(merchant_uid=started["params"]["merchant_uid"], amount=amount, state="paid", status="paid")
    assert [list(model.objects.values()) for model in (Order, Payment, Event)] == before


def paid_events(order: Order) -> int:
    return Event.objects.filter(order=order, kind="order.paid").count()


def confirm(**body: Any) -> int:
    response = Client().post(reverse("portone:confirm"), json.dumps(body), content_type="application/json")
    return response.status_code
