"""I12: nothing is locked while PortOne is asked: a server that ends idle transactions ends none of ours."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portone_django.models import Payment
from portone_django.sandbox.adapter import SandboxAdapter
from tests.shop import Shop
from tests.wire import cancels, fresh

from .conftest import Reconfigured
from .ledgers import differences

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS, SLOW_SECONDS = 3, 6


@pytest.fixture
def impatient(reconfigured: Reconfigured, transactional_db: None) -> Any:
    """A server that ends whatever transaction has been idle for a second."""
    options = {
        "postgresql": {"options": f"-c idle_in_transaction_session_timeout={PATIENCE_SECONDS * 1000}"},
        "mysql": {"init_command": f"SET SESSION idle_transaction_timeout = {PATIENCE_SECONDS}"},
    }
    return reconfigured(OPTIONS=options[connection.vendor])


def test_a_slow_portone_holds_no_transaction_open(shop: Shop, impatient: Any, sent: list[Any]) -> None:
    with impatient:
        to_refund = shop.paid()
        started, _imp_uid = shop.pay(shop.order())
        to_settle = shop.payment(started)
        shop.sandbox.faults.add("latency", path="/payments/findAll", seconds=SLOW_SECONDS, times=2)
        shop.sandbox.faults.add("latency", path="/payments/cancel", seconds=SLOW_SECONDS)
        ended: list[bool] = []
        problems = _at_once(
            lambda: to_refund.refund(amount=900, reason="x"), to_settle.sync, lambda: ended.append(_is_ended())
        )
        assert problems == []
    assert ended == [True], "this server does end idle transactions"
    assert (fresh(to_settle).state, fresh(to_settle).order.state) == ("paid", "paid")
    assert (fresh(to_refund).cancel_amount, cancels(shop, to_refund), len(sent)) == (900, [900], 1)
    assert differences(shop) == []


@pytest.mark.parametrize("deed", ["settle", "refund"])
def test_while_portone_is_asked_the_rows_can_be_locked_by_others(
    shop: Shop, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if deed == "refund":
        payment = shop.paid()
        path, run = "/payments/cancel", lambda: payment.refund(amount=900, reason="x")
    else:
        payment = shop.payment(shop.pay(shop.order())[0])
        path, run = "/payments/findAll", payment.sync
    locked: list[int] = []
    is_asked, has_looked, send = threading.Event(), threading.Event(), SandboxAdapter.send

    def watched(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        if path in request.url:
            is_asked.set()
            has_looked.wait(30)  # PortOne is as slow as the other is
        return send(adapter, request, **options)

    monkeypatch.setattr(SandboxAdapter, "send", watched)

    def lock_both() -> None:
        try:
            assert is_asked.wait(30)
            with transaction.atomic():
                Payment.objects.select_for_update(nowait=True).select_related("order").get(pk=payment.pk)
                locked.append(payment.pk)
        finally:
            has_looked.set()

    assert _at_once(run, lock_both) == []
    assert locked == [payment.pk]


def _is_ended() -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM portone_payment")
            cursor.fetchall()
            time.sleep(PATIENCE_SECONDS + 2)
            cursor.execute("SELECT 1")
    except Exception as error:  # psycopg calls it an InternalError
        return isinstance(error, OperationalError) or "idle" in str(error)
    return False


def _at_once(*deeds: Any) -> list[BaseException]:
    problems: list[BaseException] = []

    def run(deed: Any) -> None:
        try:
            deed()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems
