"""The confirm process: stops what would not match, from our own rows, and proves nothing."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django import adapter
from portone_django.models import Payment
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def ask(started: dict[str, Any], amount: Any, **more: Any) -> Any:
    body = {"imp_uid": "imp_1", "merchant_uid": started["params"]["merchant_uid"], "amount": amount, **more}
    return Client().post(reverse("portone:confirm"), json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("amount", [12900, 12900.0, "12900"])
def test_the_amount_of_the_order_passes(shop: Shop, amount: Any) -> None:
    assert ask(shop.click(shop.order()), amount).status_code == 200


@pytest.mark.parametrize("amount", [1, 12901, "12,900", True, None, -12900, [12900], "１２９００"])
def test_another_amount_is_stopped_with_a_reason(shop: Shop, amount: Any) -> None:
    response = ask(shop.click(shop.order()), amount)
    assert response.status_code == 409
    assert response.json()["reason"]


def test_a_form_says_the_same(shop: Shop) -> None:
    started = shop.click(shop.order())
    body = f"imp_uid=imp_1&merchant_uid={started['params']['merchant_uid']}&amount=12900"
    answer = Client().post(reverse("portone:confirm"), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_an_unknown_an_expired_and_a_closed_order_are_stopped(shop: Shop) -> None:
    assert ask({"params": {"merchant_uid": "t" + "a" * 24}}, 12900).status_code == 409
    expired = shop.click(shop.order())
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert ask(expired, 12900).status_code == 409
    order = shop.order()
    closed = shop.click(order)
    order.cancel()
    assert ask(closed, 12900).status_code == 409
    changed_order = shop.order()
    changed = shop.click(changed_order)
    changed_order.change(amount=15000)
    assert ask(changed, 12900).status_code == 409


def test_the_project_can_stop_a_sale_whose_stock_is_gone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter.Adapter, "refuse_confirm", lambda self, payment: "품절되었습니다")
    response = ask(shop.click(shop.order()), 12900)
    assert (response.status_code, response.json()["reason"]) == (409, "품절되었습니다")


def test_a_confirmation_is_no_payment_and_changes_nothing(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    before = Payment.objects.values().get()
    ask(started, 12900)
    assert Payment.objects.values().get() == before
    assert shop.delivered(order) == 0


def test_a_stopped_payment_fails_with_the_shops_reason(shop: Shop) -> None:
    """End to end: the sandbox asks confirm_url before it approves, as PortOne does where that is enabled."""
    shop.sandbox.settings.set(confirm_enabled=True)
    shop.sandbox.webhooks.deliver = lambda url, body, kind: (
        Client().post(url.removeprefix("https://shop.example"), body, content_type=kind).status_code
    )
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    order.cancel()
    assert shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")["status"] == "failed"
    other = shop.order()
    started, imp_uid = shop.pay(other)
    assert shop.callback(started, imp_uid)["state"] == "paid"
