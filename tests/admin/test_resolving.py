"""Quarantined, reviewed and held money: both sides are shown, and what is possible is decided with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.models import Event, Payment, Refund
from tests.flows.test_decisions import duplicate, late, quarantined, twice
from tests.shop import Shop
from tests.wire import fresh

from .desk import ACCOUNT, ALL, Operator

pytestmark = pytest.mark.django_db(transaction=True)

SURE = {"reason": "agreed by telephone", "is_sure": "on"}


@pytest.fixture
def operator(db: None) -> Operator:
    return Operator(*ALL)


@pytest.fixture(autouse=True)
def nothing_by_itself(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "ON_DUPLICATE": "hold"}


def offered(operator: Operator) -> list[str]:
    return [each for each in ("accept", "refund", "no_money") if f'name="decision" value="{each}"' in operator.page]


def test_both_sides_are_shown_with_what_differs(shop: Shop, operator: Operator) -> None:
    operator.open("payment_resolve", quarantined(shop).pk)
    assert "amount: 12900 → 100" in operator.text
    assert "Amount KRW 12,900 KRW 100" in operator.text
    assert operator.page.count('class="portone-differs"') == 1


def test_only_what_is_possible_is_offered(shop: Shop, operator: Operator) -> None:
    assert offered(operator.open("payment_resolve", quarantined(shop).pk)) == ["accept", "refund", "no_money"]
    assert offered(operator.open("payment_resolve", late(shop).pk)) == ["accept", "refund"]
    assert offered(operator.open("payment_resolve", duplicate(shop).pk)) == ["refund"]
    assert offered(operator.open("payment_resolve", shop.paid().pk)) == []
    assert "nothing to decide" in operator.text


@pytest.mark.parametrize(
    ("decision", "state", "said"),
    [
        ("accept", "paid", "The payment counts"),
        ("refund", "refunded", "KRW 100 went back."),
        ("no_money", "failed", "none of ours"),
    ],
)
def test_a_decision_is_carried_out_and_leaves_its_reason_and_its_user(
    shop: Shop, operator: Operator, decision: str, state: str, said: str
) -> None:
    payment = quarantined(shop)
    operator.open("payment_resolve", payment.pk).press(decision=decision, **SURE)
    assert said in operator.text
    assert fresh(payment).state == state
    kind = "refund.reserved" if decision == "refund" else "payment.decided"
    data = Event.objects.get(kind=kind).data
    assert (data["user"], data["reason"]) == (operator.user.pk, "agreed by telephone")
    assert operator.response.redirect_chain[-1][1] == 303


@pytest.mark.parametrize("missing", ["decision", "reason", "is_sure"])
def test_a_decision_needs_its_reason_and_its_tick(shop: Shop, operator: Operator, missing: str) -> None:
    payment = quarantined(shop)
    typed = {"decision": "refund", **SURE, missing: ""}
    operator.open("payment_resolve", payment.pk).press(**typed)
    assert "This field is required" in operator.text or "Tick the box" in operator.text
    assert fresh(payment).state == "quarantined"
    kept = operator.fields()
    assert all(kept.get(name) == value for name, value in typed.items() if value and name != "is_sure")


def test_a_decision_pressed_twice_is_made_once_and_the_second_is_told(shop: Shop, operator: Operator) -> None:
    payment = quarantined(shop)
    operator.open("payment_resolve", payment.pk)
    url, fields = operator.url, {"decision": "refund", **SURE}
    for _ in range(2):
        answer = operator.browser.post(url, fields, follow=True)
    assert "This is no longer possible" in answer.content.decode()
    assert Refund.objects.count() == 1
    assert shop.sandbox.payment(payment.imp_uid)["cancel_amount"] == 100


def test_what_portone_decided_meanwhile_comes_before_the_operators_word(shop: Shop, operator: Operator) -> None:
    payment = quarantined(shop)
    operator.open("payment_resolve", payment.pk)
    shop.sandbox.console_cancel(payment.imp_uid)
    operator.press(decision="accept", **SURE)
    assert "Meanwhile the payment is “Refunded”" in operator.text
    assert fresh(payment).order.state == "open"


@pytest.mark.parametrize(
    ("fault", "said"), [(False, "PortOne shows no money for it."), (True, "PortOne does not answer now")]
)
def test_an_operators_word_alone_makes_no_money(shop: Shop, operator: Operator, fault: bool, said: str) -> None:
    started = shop.click(shop.order())
    shop.window(started)
    Payment.objects.update(state="review", open_slot=None)
    payment = shop.payment(started)
    if fault:
        shop.sandbox.faults.add("http_503", method="GET", times=10)
    operator.open("payment_resolve", payment.pk).press(decision="accept", **SURE)
    assert said in operator.text
    assert (fresh(payment).state, operator.fields()["reason"]) == ("review", SURE["reason"])


def test_a_virtual_accounts_money_needs_its_account_only_when_it_goes_back(shop: Shop, operator: Operator) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    order.cancel()
    shop.sandbox.deposit(imp_uid)
    payment = shop.payment(started).sync()
    assert payment.hold_reason == "late"

    operator.open("payment_resolve", payment.pk).press(decision="refund", **SURE)
    assert "This field is required" in operator.text
    operator.press(decision="refund", **{**SURE, **ACCOUNT, "number": "1"})
    assert "6 to 20 digits" in operator.text
    assert "홍길동</" not in operator.page.partition("decision")[2].partition("Buyer")[0]
    operator.press(decision="refund", **SURE, **ACCOUNT)
    assert "KRW 12,900 went back." in operator.text

    other = shop.deposited()
    Payment.objects.filter(pk=other.pk).update(state="quarantined", paid_slot=None)
    type(order).objects.filter(pk=other.order_id).update(state="open", paid_at=None)
    operator.open("payment_resolve", other.pk).press(decision="no_money", **SURE)
    assert fresh(other).state == "failed"


def test_a_refund_on_its_way_stops_every_other_decision(shop: Shop, operator: Operator) -> None:
    payment = late(shop)
    shop.sandbox.faults.add("http_503", path="/payments/cancel")
    operator.open("payment_resolve", payment.pk).press(decision="refund", **SURE)
    assert "PortOne has not answered yet" in operator.text
    operator.open("payment_resolve", payment.pk)
    assert (offered(operator), "is not decided yet" in operator.text) == ([], True)
    operator.press(decision="accept", **SURE)
    assert "a refund of it is on its way" in operator.text
    assert fresh(payment).hold_reason == "late"


def test_parts_that_nobody_knows_any_more_are_told_as_that(shop: Shop, operator: Operator) -> None:
    order = shop.order(tax_free_amount=2900, vat_amount=909)
    started, imp_uid = shop.pay(order)
    order.cancel()
    shop.callback(started, imp_uid)
    shop.sandbox.console_cancel(imp_uid, 5000)
    payment = shop.payment(started).sync()
    operator.open("payment_resolve", payment.pk).press(decision="refund", **SURE)
    assert "the tax-free and VAT parts of the rest are not known" in operator.text
    operator.refund(payment, amount="7900", tax_free_amount="2900", vat_amount="454")
    assert "KRW 7,900 went back." in operator.text


def test_money_taken_twice_is_listed_and_goes_back_by_its_own_button(shop: Shop, operator: Operator) -> None:
    shop.sandbox.settings.set(duplicate_mode="none", webhook_mode="off")
    order = shop.order()
    started, two = shop.click(order), shop.click(order)
    for imp_uid in (shop.window(started), shop.window(two)):
        shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    payment = shop.payment(started).sync()
    (second,) = payment.surplus
    operator.open("payment_resolve", payment.pk)
    assert f"/payment/{payment.pk}/resolve/{second}/" in operator.page
    operator.open("payment_refund_surplus", payment.pk, second).press(reason="x")
    assert "Tick the box" in operator.text
    url, fields = operator.url, dict(SURE)
    operator.press(**SURE)
    assert "KRW 12,900 went back." in operator.text
    refund = Refund.objects.get()
    assert (refund.state, refund.imp_uid, refund.requested_by) == ("succeeded", second, operator.user)
    assert "All of it went back already." in operator.browser.post(url, fields, follow=True).content.decode()
    assert (Refund.objects.count(), fresh(payment).state) == (1, "paid")
    assert operator.browser.get(url.replace(second, "imp_1")).status_code == 404


def test_money_taken_twice_that_went_back_elsewhere_is_written_down_beside_the_payment(
    shop: Shop, operator: Operator
) -> None:
    payment, second = twice(shop)
    operator.open("payment_resolve", payment.pk)
    assert f"/payment/{payment.pk}/resolve/{second}/elsewhere/" in operator.page
    typed = {"refunded_on": "2026-01-01", "reference": "IBK 17", "reason": "twice"}
    operator.open("payment_refund_surplus_elsewhere", payment.pk, second).press(amount="12901", **typed)
    assert f"This is about {second}" in operator.text
    assert "At most KRW 12,900: so much remains." in operator.text
    operator.press(amount="12900", **typed)
    assert "Written down: KRW 12,900 went back elsewhere." in operator.text
    payment = fresh(payment)
    assert (payment.state, payment.order.refunded_amount, payment.has_surplus) == ("paid", 0, False)
    assert "All of it went back already." in operator.open("payment_refund_surplus_elsewhere", payment.pk, second).text
    assert operator.open("payment_refund_surplus_elsewhere", payment.pk, "imp_1").response.status_code == 404
