"""I3: the server committed and its answer was lost; the rows are read again, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, connection

from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Payment, Refund
from tests.shop import Shop
from tests.wire import cancels

from .conftest import Reconfigured
from .ledgers import ask_no_more, differences, let_time_pass
from .proxy import Proxy

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

PORTS = {"postgresql": 5432, "mysql": 3306}


@pytest.fixture
def proxy(reconfigured: Reconfigured, transactional_db: None) -> Iterator[Proxy]:
    address = connection.settings_dict
    plain = {"sslmode": "disable", "gssencmode": "disable"} if connection.vendor == "postgresql" else {}
    with (
        Proxy(address["HOST"] or "127.0.0.1", int(address["PORT"] or PORTS[connection.vendor])) as proxy,
        reconfigured(HOST="127.0.0.1", PORT=proxy.port, OPTIONS=plain),
    ):
        yield proxy


def test_whichever_commit_of_a_refund_loses_its_answer_one_cancel_leaves_and_is_known(
    shop: Shop, proxy: Proxy, sent: list[Any]
) -> None:
    for number in count(1):
        payment = shop.paid()
        sent.clear()
        proxy.cut(number)
        _refund(payment)
        was_cut = bool(proxy.cuts)
        let_time_pass(shop)
        _refund(payment)
        assert (cancels(shop, payment), len(sent)) == ([900], 1), f"commit {number}"
        assert Refund.objects.get(payment=payment).state == "succeeded"
        assert Event.objects.filter(payment=payment, kind="payment.refunded").count() == 1
        assert shop.delivered(payment.order, "order_refunded") == 1
        ask_no_more()
        if not was_cut:
            break
    assert number > 3, "there were commits whose answer was lost"
    assert differences(shop) == []


def test_the_commit_of_a_settlement_that_lost_its_answer_is_not_an_error(shop: Shop, proxy: Proxy) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    proxy.cut(1)
    assert shop.callback(started, imp_uid)["state"] == "paid", "read again under its lock, on a new connection"
    assert proxy.cuts == 1
    assert Event.objects.filter(kind="order.paid").count() == 1
    let_time_pass(shop)
    assert shop.delivered(order) == 1, "the signal died with the connection; its row did not"


def test_whichever_commit_of_a_sweep_loses_its_answer_the_order_is_paid_once(shop: Shop, proxy: Proxy) -> None:
    for number in count(1):
        order = shop.order()
        started, _imp_uid = shop.pay(order)
        let_time_pass(shop, sweep=False)
        proxy.cut(number)
        with suppress(DatabaseError, InterfaceError):
            reconcile()
        connection.close()
        was_cut = bool(proxy.cuts)
        let_time_pass(shop)
        assert (shop.payment(started).state, shop.delivered(order)) == ("paid", 1), f"commit {number}"
        assert Event.objects.filter(kind="order.paid", order=order).count() == 1
        ask_no_more()
        if not was_cut:
            break
    assert number > 1, "there were commits whose answer was lost"


def _refund(payment: Payment) -> None:
    """As a view does it: a connection that had errors ends with the request."""
    with suppress(DatabaseError, InterfaceError):
        Payment.objects.get(pk=payment.pk).refund(amount=900, reason="x", reference=f"return-{payment.pk}")
    connection.close()
