"""Orders: found by any of their names, shown with their attempts and their history."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portone_django.models import Order

Sale = Callable[..., dict[str, Any]]


def found(client: Client, term: str) -> int:
    html = client.get(reverse("admin:portone_order_changelist"), {"q": term}).content.decode()
    return len(re.findall(r'class="field-public_id"', html))


@pytest.mark.parametrize("name", ["public_id", "reference", "merchant_uid", "imp_uid", "buyer_name"])
def test_an_order_is_found_by_each_of_its_names(superuser: Client, sale: Sale, name: str) -> None:
    made = sale({"buyer_name": "김철수"})
    sale({"buyer_name": "이영희"})
    term = getattr(made["payment"] if "_uid" in name else made["order"], name)
    assert found(superuser, term) == 1


def test_an_order_with_several_attempts_is_found_once(superuser: Client, sale: Sale) -> None:
    made = sale()
    payment = made["payment"]
    payment.pk, payment.merchant_uid, payment.imp_uid, payment.paid_slot = None, "tsecond", None, None
    payment.attempt_no, payment.state = 99, "failed"
    payment.save()
    assert found(superuser, made["order"].buyer_name) == 1


@pytest.mark.parametrize("term", ["nobody", "\x00", "%", "' OR 1=1 --", "가" * 3000])
def test_nonsense_finds_nothing_and_breaks_nothing(superuser: Client, sale: Sale, term: str) -> None:
    sale()
    response = superuser.get(reverse("admin:portone_order_changelist"), {"q": term})
    assert response.status_code == 200


def test_orders_are_filtered_by_state(superuser: Client, sale: Sale) -> None:
    sale()
    Order.objects.create(name="x", amount=100)
    html = superuser.get(reverse("admin:portone_order_changelist"), {"state__exact": "open"}).content.decode()
    assert len(re.findall(r'class="field-public_id"', html)) == 1


def test_amounts_are_won_as_koreans_write_them(superuser: Client, sale: Sale) -> None:
    made = sale({"amount": 1234500, "refunded_amount": 0})
    for url in (
        reverse("admin:portone_order_changelist"),
        reverse("admin:portone_order_change", args=[made["order"].pk]),
        reverse("admin:portone_payment_changelist"),
    ):
        assert "1,234,500원" in superuser.get(url, headers={"accept-language": "ko"}).content.decode()


def test_an_amount_in_another_currency_is_not_called_won(superuser: Client, sale: Sale) -> None:
    made = sale({"currency": "USD", "amount": 1200})
    html = superuser.get(reverse("admin:portone_order_change", args=[made["order"].pk])).content.decode()
    assert "1,200 USD" in html


def test_an_orders_page_shows_its_payments_and_its_timeline_in_order(superuser: Client, sale: Sale) -> None:
    made = sale()
    html = superuser.get(reverse("admin:portone_order_change", args=[made["order"].pk])).content.decode()
    assert made["payment"].imp_uid in html
    assert reverse("admin:portone_payment_change", args=[made["payment"].pk]) in html
    assert html.index("order.created") < html.index("order.paid")


def test_who_may_not_see_payments_does_not_see_them_on_the_order(staff: Callable[..., Client], sale: Sale) -> None:
    made = sale()
    html = staff("view_order").get(reverse("admin:portone_order_change", args=[made["order"].pk])).content.decode()
    assert made["order"].public_id in html
    assert made["payment"].imp_uid not in html
    assert "order.paid" not in html


def test_an_order_of_an_object_that_is_gone_still_shows(superuser: Client, sale: Sale) -> None:
    from django.contrib.contenttypes.models import ContentType

    made = sale({"content_type": ContentType.objects.get_for_model(Order), "object_id": "4711"})
    html = superuser.get(reverse("admin:portone_order_change", args=[made["order"].pk])).content.decode()
    assert "4711" in html
