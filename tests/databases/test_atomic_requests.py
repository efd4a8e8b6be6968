"""I11: ATOMIC_REQUESTS puts a project's views into transactions; ours stand outside, and refund() refuses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from portone_django.gateway import InsideTransaction
from portone_django.models import Payment, Refund
from tests.shop import Shop
from tests.wire import cancels, fresh

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


def refunding(request: HttpRequest, pk: int) -> HttpResponse:
    """A project's view that does not know better."""
    return HttpResponse(Payment.objects.get(pk=pk).refund(amount=900, reason="x").state)


@transaction.non_atomic_requests
def outside(request: HttpRequest, pk: int) -> HttpResponse:
    return refunding(request, pk)


def swallowing(request: HttpRequest, pk: int) -> HttpResponse:
    """…and that takes whatever is raised for a message to show; its transaction is committed."""
    try:
        return refunding(request, pk)
    except InsideTransaction as error:
        return HttpResponse(str(error))


def requesting(request: HttpRequest, pk: int) -> HttpResponse:
    """As it is meant inside a transaction."""
    return HttpResponse(Payment.objects.get(pk=pk).request_refund(amount=900, reason="x").state)


urlpatterns = [
    path("inside/<int:pk>/", refunding),
    path("swallowed/<int:pk>/", swallowing),
    path("outside/<int:pk>/", outside),
    path("requested/<int:pk>/", requesting),
    path("portone/", include("portone_django.urls")),
]


@pytest.fixture(autouse=True)
def atomic_requests(transactional_db: None) -> Iterator[None]:
    connections.settings["default"]["ATOMIC_REQUESTS"] = True
    yield
    connections.settings["default"]["ATOMIC_REQUESTS"] = False


def test_refund_in_a_view_of_the_project_raises_before_anything_is_written_or_sent(shop: Shop) -> None:
    payment = shop.paid()
    with pytest.raises(InsideTransaction, match="request_refund"):
        Client().post(f"/inside/{payment.pk}/")
    assert (Refund.objects.count(), cancels(shop, payment)) == (0, [])


def test_a_view_that_swallows_what_refund_raises_leaves_no_refund_behind(shop: Shop) -> None:
    payment = shop.paid()
    assert "request_refund" in Client().post(f"/swallowed/{payment.pk}/").content.decode()
    assert (Refund.objects.count(), cancels(shop, payment)) == (0, [])


def test_refund_in_a_view_outside_of_transactions_sends_the_money(shop: Shop) -> None:
    payment = shop.paid()
    assert Client().post(f"/outside/{payment.pk}/").content == b"succeeded"
    assert cancels(shop, payment) == [900]


def test_a_requested_refund_is_sent_when_the_requests_transaction_is_committed(shop: Shop) -> None:
    payment = shop.paid()
    assert Client().post(f"/requested/{payment.pk}/").content == b"reserved"
    assert (Refund.objects.get().state, cancels(shop, payment)) == ("succeeded", [900])


@pytest.mark.parametrize("mode", ["inline", "deferred"])
def test_every_door_of_a_checkout_stands_outside(shop: Shop, settings: object, mode: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": mode}  # type: ignore[attr-defined]
    order = shop.order()
    started, imp_uid = shop.pay(order)
    uid = started["params"]["merchant_uid"]
    confirm = {"imp_uid": imp_uid, "merchant_uid": uid, "amount": 12900}
    assert shop.browser.post("/portone/confirm/", confirm, content_type="application/json").status_code in (200, 409)
    assert shop.webhook(merchant_uid=uid, imp_uid=imp_uid, status="paid").status_code == 200
    assert shop.callback(started, imp_uid)["state"] == "paid"
    assert shop.come_back(started, imp_uid=imp_uid).status_code == 200
    assert shop.browser.get(started["status_url"]).json()["state"] == "paid"
    assert shop.browser.get(started["result_url"], follow=True).status_code == 200
    assert (fresh(shop.payment(started)).state, shop.delivered(order)) == ("paid", 1)
