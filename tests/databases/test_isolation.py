"""I6: MariaDB under READ COMMITTED, which check E019 asks for, and under its own default: the races end the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from portone_django.exceptions import PaymentError
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.verification import sync_payment
from portone_django.models import Event, Payment, Refund
from tests.shop import Shop
from tests.wire import cancels, fresh

from .conftest import Reconfigured
from .ledgers import differences, let_time_pass

pytestmark = [pytest.mark.mariadb, pytest.mark.django_db(transaction=True)]

LEVELS = ["read committed", "repeatable read"]
ROUNDS = 4


@pytest.mark.parametrize("level", LEVELS)
def test_arrivals_at_once_settle_an_order_once(shop: Shop, reconfigured: Reconfigured, level: str) -> None:
    with reconfigured(OPTIONS={"isolation_level": level}):
        for _ in range(ROUNDS):
            order = shop.order()
            started, _imp_uid = shop.pay(order)
            uid = shop.payment(started).merchant_uid
            at_once([lambda uid=uid: sync_payment(uid, source="app")] * 4)  # type: ignore[misc]
            assert (shop.payment(started).state, shop.delivered(order)) == ("paid", 1)
        assert _level() == level.replace(" ", "-").upper()
    assert Event.objects.filter(kind="order.paid").count() == ROUNDS


@pytest.mark.parametrize("level", LEVELS)
def test_refunds_at_once_send_back_once(shop: Shop, sent: list[Any], reconfigured: Reconfigured, level: str) -> None:
    """A refund of the same reference, two others, and a sweep: one of the three gets the balance it reserved."""
    with reconfigured(OPTIONS={"isolation_level": level}):
        for _ in range(ROUNDS):
            payment = shop.paid()
            sent.clear()
            at_once(
                [
                    *[lambda pk=payment.pk: _refund(pk, f"return-{pk}")] * 2,  # type: ignore[misc]
                    lambda pk=payment.pk: _refund(pk, None),  # type: ignore[misc]
                    reconcile,
                ]
            )
            let_time_pass(shop)
            done = Refund.objects.filter(payment=payment, state="succeeded")
            assert len(sent) == len(cancels(shop, payment)) == done.count()
            assert 1 <= done.count() <= 2
            assert Refund.objects.filter(reference=f"return-{payment.pk}").count() <= 1
            assert fresh(payment).cancel_amount == 900 * done.count()
    assert differences(shop) == []


@pytest.mark.parametrize("level", LEVELS)
def test_a_refund_and_a_cancel_in_the_console_at_once_never_take_more_than_there_is(
    shop: Shop, reconfigured: Reconfigured, level: str
) -> None:
    with reconfigured(OPTIONS={"isolation_level": level}):
        for _ in range(ROUNDS):
            payment = shop.paid()
            at_once(
                [
                    lambda pk=payment.pk: _refund(pk, None, amount=None),  # type: ignore[misc]
                    lambda uid=payment.imp_uid: shop.sandbox.console_cancel(uid, 2900),  # type: ignore[misc]
                    lambda uid=payment.merchant_uid: sync_payment(uid, source="app"),  # type: ignore[misc]
                ],
                allowed="취소",
            )
            let_time_pass(shop)
            assert fresh(payment).cancel_amount == sum(cancels(shop, payment)) <= 12900
    assert differences(shop) == []


def at_once(deeds: list[Callable[[], Any]], allowed: str = "") -> None:
    """Each deed in a thread of its own, all released together; what they raise, unless it says `allowed`, is raised."""
    gate, problems = threading.Barrier(len(deeds)), []

    def run(deed: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            gate.wait(20)
            deed()
        except Exception as problem:
            if not allowed or allowed not in str(problem):
                problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def _refund(pk: int, reference: str | None, amount: int | None = 900) -> None:
    with suppress(PaymentError):  # another one is open
        Payment.objects.get(pk=pk).refund(amount=amount, reason="x", reference=reference)


def _level() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@tx_isolation")
        return str(cursor.fetchone()[0])
