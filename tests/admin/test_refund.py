"""Refunds in the admin: found and filtered, asked about, and closed by hand only when a person must."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from portone_django.models import CashReceipt, Event, Payment, Refund
from tests.shop import Shop

from .desk import ALL, Operator, decisions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(db: None) -> Operator:
    return Operator(*ALL)


def unknown(shop: Shop, payment: Payment) -> Refund:
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="변심")
    assert refund.state == "unknown"
    return refund


def in_review(shop: Shop, payment: Payment) -> Refund:
    refund = unknown(shop, payment)
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel", times=9)
    for _ in range(8):
        shop.quiet()
        refund = refund.sync()
    assert refund.state == "review"
    return refund


def test_a_refund_is_shown_with_its_user_its_reason_and_its_timeline(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    operator.refund(payment, amount="900", reason="변심")
    refund = Refund.objects.get()
    operator.open("refund_changelist")
    for shown in (payment.merchant_uid, "KRW 900", "Succeeded", "The admin", "변심", "operator"):
        assert shown in operator.text
    operator.open("refund_change", refund.pk)
    assert "refund.reserved" in operator.text
    assert "payment.refunded" in operator.text
    operator.open("payment_change", payment.pk)
    assert "변심" in operator.text, "on the payment's page, too"


def test_a_cash_receipt_is_shown_on_the_page_of_its_payment(shop: Shop) -> None:
    payment = shop.paid()
    CashReceipt.objects.create(
        payment=payment, state="issued", amount=12900, apply_num="G17", receipt_url="javascript:alert(1)"
    )
    page = Operator(is_superuser=True).open("payment_change", payment.pk)
    assert "G17" in page.text
    assert 'href="javascript' not in page.page


@pytest.mark.parametrize(
    ("value", "states"),
    [
        ("open", {"requested", "reserved", "sent", "unknown", "review"}),
        ("unknown", {"unknown"}),
        ("review", {"review"}),
        ("", {str(state) for state in Refund.State}),
    ],
)
def test_refunds_are_filtered_by_what_is_not_decided(
    shop: Shop, operator: Operator, value: str, states: set[str]
) -> None:
    payment = shop.paid()
    for number, state in enumerate(Refund.State):
        Refund.objects.create(
            payment=payment, imp_uid=f"imp_{number}", source="app", state=state, amount=1, checksum=1, reason="x"
        )
    query = {"attention": value} if value else {}
    shown = operator.browser.get(reverse("admin:portone_refund_changelist"), query).context["cl"].result_list
    assert {each.state for each in shown} == states


@pytest.mark.parametrize("name", ["imp_uid", "reference", "merchant_uid", "public_id"])
def test_a_refund_is_found_by_each_of_its_names(shop: Shop, operator: Operator, name: str) -> None:
    refund = shop.paid().refund(amount=900, reason="x", reference="refund-17")
    shop.paid().refund(amount=100, reason="y")
    owner = {"merchant_uid": refund.payment, "public_id": refund.payment.order}.get(name, refund)
    answer = operator.browser.get(reverse("admin:portone_refund_changelist"), {"q": getattr(owner, name)})
    assert [each.pk for each in answer.context["cl"].result_list] == [refund.pk]


def test_asking_portone_now_carries_an_undecided_refund_on(shop: Shop, operator: Operator) -> None:
    refund = unknown(shop, shop.paid())
    operator.open("refund_ask", refund.pk).press()
    assert "PortOne has not answered yet about KRW 900." in operator.text
    for _ in range(2):
        shop.quiet()
        operator.open("refund_ask", refund.pk).press()
    assert "KRW 900 went back." in operator.text
    assert operator.response.redirect_chain[-1] == (f"/admin/portone/refund/{refund.pk}/change/", 303)
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    assert decisions(operator.page) == []
    assert "is decided" in operator.open("refund_ask", refund.pk).text


def test_a_refund_in_review_is_closed_by_hand_with_a_reason_and_a_name(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    refund = in_review(shop, payment)
    operator.open("refund_resolve", refund.pk).press(reason="looked at KG Inicis' console")
    assert "Tick the box" in operator.text
    operator.press(reason="looked at KG Inicis' console", is_sure="on")
    refund.refresh_from_db()
    assert (refund.state, refund.fail_reason) == ("failed", "by hand: looked at KG Inicis' console")
    failed = Event.objects.get(kind="refund.failed")
    assert failed.data["reason"] == "by hand: looked at KG Inicis' console"
    assert failed.data["user"] == get_user_model().objects.get(username="operator").pk
    shop.sandbox.faults.clear()
    assert payment.refund(amount=900, reason="x").state == "succeeded"


@pytest.mark.parametrize("state", ["reserved", "sent", "unknown", "succeeded", "failed"])
def test_no_refund_but_one_in_review_is_closed_by_hand(shop: Shop, operator: Operator, state: str) -> None:
    refund = Refund.objects.create(
        payment=shop.paid(), imp_uid="imp_1", source="app", state=state, amount=1, checksum=1, reason="x"
    )
    operator.open("refund_resolve", refund.pk)
    assert "not in review" in operator.text
    operator.press(reason="x", is_sure="on")
    refund.refresh_from_db()
    assert refund.state == state


def test_a_refund_that_portone_shows_while_the_page_is_open_stays_a_success(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    refund = in_review(shop, payment)
    operator.open("refund_resolve", refund.pk)
    shop.sandbox.console_cancel(payment.imp_uid, 900)
    payment.sync()
    operator.press(reason="x", is_sure="on")
    refund.refresh_from_db()
    assert refund.state == "succeeded"
