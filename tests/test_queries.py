"""SQL statements from request to response, signals included, on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portone_django.flows.webhooks import process_due
from tests.shop import Shop

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

# (what, statements allowed); BEGIN and COMMIT count.
TAG, DEFERRED, INLINE_PAYING, REPEATED, COMPLETE_ON_PAID = 2, 2, 10, 2, 4


def within(captured: CaptureQueriesContext, allowed: int, what: str) -> None:
    """`pytest -s` prints the figure that docs/numbers.md quotes."""
    print(f"\n{what}: {len(captured)} (allowed: {allowed})")
    assert len(captured) <= allowed, statements(captured)


def statements(captured: CaptureQueriesContext) -> str:
    return "\n".join(each["sql"][:200] for each in captured.captured_queries)


def post(body: dict[str, Any]) -> CaptureQueriesContext:
    browser = Client()
    with CaptureQueriesContext(connection) as captured:
        response = browser.post(reverse("portone:webhook"), json.dumps(body), content_type="application/json")
    assert response.status_code == 200
    return captured


def hint(started: dict[str, Any], imp_uid: str) -> dict[str, str]:
    return {"imp_uid": imp_uid, "merchant_uid": started["params"]["merchant_uid"], "status": "paid"}


def test_the_tag(shop: Shop) -> None:
    order = shop.order()
    with CaptureQueriesContext(connection) as captured:
        shop.page(order, pay_method="card", card_quota="2,3")
    within(captured, TAG, "the tag")


def test_a_deferred_webhook(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order())
    captured = post(hint(started, imp_uid))
    within(captured, DEFERRED, "webhook, deferred")


def test_an_inline_webhook_that_pays_asks_portone_once(shop: Shop, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add("latency", path="/*", times=99, seconds=0)
    captured = post(hint(started, imp_uid))
    assert shop.delivered(order) == 1
    assert shop.sandbox.faults.list()[-1]["hits"] == 1
    within(captured, INLINE_PAYING, "webhook, inline and paying")


@pytest.mark.parametrize("mode", ["inline", "deferred"])
def test_a_repeated_webhook(shop: Shop, settings: Any, mode: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": mode}
    started, imp_uid = shop.pay(shop.order())
    post(hint(started, imp_uid))
    process_due()
    captured = post(hint(started, imp_uid))
    within(captured, REPEATED, f"webhook, repeated, {mode}")


def test_complete_on_a_paid_order(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order())
    shop.callback(started, imp_uid)
    with CaptureQueriesContext(connection) as captured:
        answer = shop.callback(started, imp_uid)
    assert answer["state"] == "paid"
    within(captured, COMPLETE_ON_PAID, "complete on a paid order")
