"""Payments: what came from outside is shown and never executed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portone_django.models import Event
from tests.factories import OrderFactory, PaymentFactory

Sale = Callable[..., dict[str, Any]]

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'


def page(client: Client, payment: Any) -> str:
    return client.get(reverse("admin:portone_payment_change", args=[payment.pk])).content.decode()


@pytest.mark.parametrize(
    "field", ["fail_reason", "quarantine_reason", "vbank_holder", "card_name", "bank_name", "name", "receipt_url"]
)
def test_markup_from_outside_is_shown_as_text(superuser: Client, sale: Sale, field: str) -> None:
    harmless = page(superuser, sale(**{field: "harmless"})["payment"])
    html = page(
        superuser,
        sale(**{field: EVIL[:50] if field in ("card_name", "bank_name", "vbank_holder") else EVIL})["payment"],
    )
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert" in html
    assert html.count("<script") == harmless.count("<script")


@pytest.mark.parametrize("field", ["records", "surplus", "options"])
def test_markup_inside_json_is_shown_as_text(superuser: Client, sale: Sale, field: str) -> None:
    payment = sale()["payment"]
    setattr(payment, field, {"</pre><script>alert(1)</script>": "x"})
    payment.save()
    html = page(superuser, payment)
    assert "<script>alert" not in html
    assert "&lt;/pre&gt;&lt;script&gt;" in html


def test_markup_in_an_event_and_an_order_is_shown_as_text(superuser: Client, sale: Sale) -> None:
    made = sale({"name": EVIL, "buyer_name": EVIL, "metadata": {"x": EVIL}})
    Event.objects.create(kind="payment.failed", order=made["order"], data={"fail_reason": EVIL})
    for name in ("order", "payment", "event"):
        for url in (
            reverse(f"admin:portone_{name}_changelist"),
            reverse(f"admin:portone_{name}_change", args=[made[name].pk]),
        ):
            assert "<script>alert" not in superuser.get(url).content.decode()


def test_an_https_receipt_is_a_link_without_an_opener(superuser: Client, sale: Sale) -> None:
    html = page(superuser, sale()["payment"])
    (link,) = re.findall(r'<a href="https://iniweb\.inicis\.com/[^>]*>', html)
    assert 'rel="noopener noreferrer"' in link


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        " https://receipts.example",
        "http://receipts.example",
        "//receipts.example",
        "data:text/html,x",
        "https://iniweb.inicis.com@attacker.example/",
        "https://",
        "https://receipts.example/\nx",
        "https://[receipts.example",
    ],
)
def test_any_other_receipt_is_not_a_link(superuser: Client, sale: Sale, url: str) -> None:
    made = sale(receipt_url=url)
    for html in (
        page(superuser, made["payment"]),
        superuser.get(reverse("admin:portone_order_change", args=[made["order"].pk])).content.decode(),
    ):
        links = re.findall(r'<a [^>]*target="_blank"', html)
        assert links == []


def test_a_quarantined_payment_shows_both_sides_of_the_difference(superuser: Client, db: None) -> None:
    payment = PaymentFactory(
        state="quarantined", open_slot=None, quarantine_reason="amount: 12900 → 100", pg_provider="html5_inicis",
        pg_id="INIBillTst",
    )  # fmt: skip
    html = page(superuser, payment)
    assert "amount: 12900 → 100" in html
    assert "html5_inicis, INIpayTest, 테스트 결제" in html
    assert "html5_inicis, INIBillTst" in html


@pytest.mark.parametrize(
    ("value", "states"),
    [
        ("held", {"paid/late"}),
        ("quarantined", {"quarantined/", "review/"}),
        ("unknown", {"unknown/"}),
        ("", {"paid/late", "quarantined/", "review/", "unknown/", "paid/", "refunded/late"}),
    ],
)
def test_payments_are_filtered_by_what_needs_a_human(superuser: Client, db: None, value: str, states: set[str]) -> None:
    every = ["paid/late", "quarantined/", "review/", "unknown/", "paid/", "refunded/late"]
    for each in every:
        state, _, reason = each.partition("/")
        PaymentFactory(state=state, hold_reason=reason, order=OrderFactory())
    response = superuser.get(reverse("admin:portone_payment_changelist"), {"attention": value} if value else {})
    assert {f"{row.state}/{row.hold_reason}" for row in response.context["cl"].result_list} == states


def test_a_payment_is_found_by_its_orders_number(superuser: Client, sale: Sale) -> None:
    made, _ = sale(), sale()
    response = superuser.get(reverse("admin:portone_payment_changelist"), {"q": made["order"].public_id})
    assert [row.pk for row in response.context["cl"].result_list] == [made["payment"].pk]
