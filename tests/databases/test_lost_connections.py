"""I2: the connection dies between what PortOne did and our commit; asking PortOne ends it, nothing is sent twice."""

from __future__ import annotations

import copy
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client

from portone_django import refunds
from portone_django.exceptions import PaymentError
from portone_django.flows import steps
from portone_django.flows.attempt import LockedAttempt
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway.transport import Transport
from portone_django.models import Event, Order, Payment, Refund
from portone_django.sandbox.ledger import WindowRefused
from tests.shop import Shop
from tests.wire import cancels, fresh

from .faults import Ended, end_connection, on_this_connection, server_id
from .ledgers import ask_no_more, differences, let_time_pass

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

DATABASE_ERRORS = (DatabaseError, InterfaceError)
WORKERS, ROUNDS = 4, 25


@pytest.fixture(autouse=True)
def no_dead_connection_is_left(transactional_db: None) -> Iterator[None]:
    yield
    connection.close()


class EndedBeforeTheCommit:
    """Ends the connection of each settlement after its last write, `times` times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left, self.ended = times, 0
        finish = LockedAttempt.finish

        def and_end(attempt: LockedAttempt) -> Payment:
            payment = finish(attempt)
            if self.left:
                self.left -= 1
                self.ended += 1
                end_connection(server_id())
            return payment

        monkeypatch.setattr(LockedAttempt, "finish", and_end)


@pytest.mark.parametrize("asked", ["cancel_payment", "find_all_payments"])
def test_a_connection_that_dies_while_portone_is_asked_costs_a_new_connection_and_nothing_else(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    payment = shop.paid() if asked == "cancel_payment" else shop.payment(shop.pay(shop.order())[0])
    call, ended = Transport.call, []

    def and_end(self: Transport, each: Any, *rest: Any) -> Any:
        answer = call(self, each, *rest)
        if each.name == asked and not ended:
            ended.append(each.name)
            end_connection(server_id())
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Transport, "call", and_end)
        refund = payment.refund(amount=900, reason="x") if asked == "cancel_payment" else None
        payment.sync()
    assert ended == [asked]
    assert (fresh(payment).state, refund and refund.state) in [("partially_refunded", "succeeded"), ("paid", None)]
    assert (len(sent), differences(shop)) == (1 if refund else 0, [])


def test_a_connection_that_dies_before_the_commit_costs_a_new_connection_and_no_second_cancel(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    with monkeypatch.context() as patch:
        fault = EndedBeforeTheCommit(patch, times=0)
        patch.setattr(refunds, "carry_on", _armed(fault, sent, refunds.carry_on))
        refund = payment.refund(amount=900, reason="x")
    assert fault.ended == 1
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1)
    assert shop.delivered(payment.order, "order_refunded") == 1
    assert differences(shop) == []


def test_when_every_connection_dies_before_the_commit_the_refund_stays_sent_until_it_is_asked_about(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    with monkeypatch.context() as patch:
        fault = EndedBeforeTheCommit(patch, times=0)
        patch.setattr(refunds, "carry_on", _armed(fault, sent, refunds.carry_on, times=1000))
        with pytest.raises(DATABASE_ERRORS):
            payment.refund(amount=900, reason="x")
    assert fault.ended == steps._LOST_TRIES
    assert (Refund.objects.get().state, fresh(payment).cancel_amount, cancels(shop, payment)) == ("sent", 0, [900])
    assert Refund.objects.get().sync().state == "sent", "whoever sent it may still be waiting"
    let_time_pass(shop)
    assert (Refund.objects.get().state, len(sent), differences(shop)) == ("succeeded", 1, [])
    assert shop.delivered(payment.order, "order_refunded") == 1


@pytest.mark.parametrize("times", [1, 1000])
def test_a_payment_whose_settlement_loses_its_connection_is_settled_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    with monkeypatch.context() as patch:
        fault = EndedBeforeTheCommit(patch, times)
        try:
            shop.callback(started, imp_uid)
        except DATABASE_ERRORS:
            assert (times, shop.delivered(order)) == (1000, 0)
    assert fault.ended == min(times, steps._LOST_TRIES)
    let_time_pass(shop)
    assert (shop.payment(started).state, shop.delivered(order), differences(shop)) == ("paid", 1, [])


def test_after_whichever_statement_of_a_refund_the_connection_dies_one_cancel_leaves(
    shop: Shop, sent: list[Any]
) -> None:
    for number in count(1):
        payment = shop.paid()
        sent.clear()
        with on_this_connection(Ended(number)) as fault:
            _refund(payment)
        let_time_pass(shop)
        _refund(payment)  # what was never reserved is asked for again, under its reference
        assert (cancels(shop, payment), len(sent)) == ([900], 1), f"statement {number}"
        assert Refund.objects.get(payment=payment).state == "succeeded"
        assert shop.delivered(payment.order, "order_refunded") >= 1
        ask_no_more()
        if not fault.happened:
            break
    assert number > 15, "there were statements to end the connection after"
    assert differences(shop) == []


def test_after_whichever_statement_of_a_sweep_the_connection_dies_the_order_is_paid(shop: Shop) -> None:
    for number in count(1):
        order = shop.order()
        started, _imp_uid = shop.pay(order)
        let_time_pass(shop, sweep=False)
        with on_this_connection(Ended(number)) as fault, suppress(*DATABASE_ERRORS):
            reconcile()
        connection.close()
        let_time_pass(shop)
        assert shop.payment(started).state == "paid", f"statement {number}"
        assert shop.delivered(order) >= 1
        ask_no_more()
        if not fault.happened:
            break
    assert number > 10, "there were statements to end the connection after"
    assert Event.objects.filter(kind="order.paid").count() == Order.objects.count()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_payments_and_refunds_while_connections_are_ended_leave_two_equal_books(
    shop: Shop, sent: list[Any]
) -> None:
    alive: dict[int, int] = {}
    problems: list[BaseException] = []
    ended: list[int] = []

    def work(worker: int) -> None:
        mine = copy.copy(shop)
        # The errors of all threads' requests would be raised in each: here they are pages with status 500.
        mine.browser = Client(raise_request_exception=False)
        try:
            for number in range(ROUNDS):
                _one_sale(mine, f"{worker}-{number}", alive)
        except BaseException as problem:
            problems.append(problem)
        finally:
            alive.pop(threading.get_ident(), None)
            connection.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(random.uniform(0.3, 0.5))
        for each in list(alive.values()):
            _end_if_there(each, ended)
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert len(ended) > 10, "connections were ended"
    let_time_pass(shop)
    for order in Order.objects.filter(state="paid"):  # whose refund was never reserved
        _refund(Payment.objects.get(paid_slot=order.pk))
    let_time_pass(shop)
    assert Order.objects.filter(state="partially_refunded").count() == WORKERS * ROUNDS
    assert differences(shop) == []
    assert [refund.state for refund in Refund.objects.exclude(state="succeeded")] == []
    assert Refund.objects.count() == WORKERS * ROUNDS
    told = [shop.delivered(order, name) for order in Order.objects.all() for name in ("order_paid", "order_refunded")]
    assert min(told) >= 1


def _armed(fault: EndedBeforeTheCommit, sent: list[Any], carry_on: Any, times: int = 1) -> Any:
    """carry_on whose connection is ended before the first commits after the cancel has left."""
    send = LockedAttempt.finish

    def finish(attempt: LockedAttempt) -> Payment:
        if sent and times and not fault.ended:
            fault.left = times
        return send(attempt)

    def run(*args: Any, **options: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LockedAttempt, "finish", finish)
            return carry_on(*args, **options)

    return run


def _refund(payment: Payment) -> None:
    """As a view does it: a connection that had errors ends with the request."""
    with suppress(*DATABASE_ERRORS):
        Payment.objects.get(pk=payment.pk).refund(amount=900, reason="x", reference=f"return-{payment.pk}")
    connection.close()


def _one_sale(shop: Shop, reference: str, alive: dict[int, int]) -> None:
    for _ in range(50):
        try:
            connection.ensure_connection()
            alive[threading.get_ident()] = server_id()
            order = shop.order(reference=reference)
            payment = Payment.objects.filter(order=order).first()
            if payment is None or not payment.is_received:
                _pay(shop, order)
                payment = Payment.objects.get(order=order)
            payment.refund(amount=900, reason="x", reference=f"return-{payment.pk}")
            return
        except DATABASE_ERRORS:
            connection.close()
        except PaymentError:
            return  # undecided: the sweeps afterwards end it
        time.sleep(0.01)
    raise AssertionError("the connection was never up")


def _pay(shop: Shop, order: Order) -> None:
    with suppress(WindowRefused):  # it is paid already, and the answer that said so was lost
        try:
            shop.callback(*shop.pay(order))
        except (KeyError, ValueError):  # a page with status 500, where JSON was expected
            raise DatabaseError from None


def _end_if_there(number: int, ended: list[int]) -> None:
    try:
        end_connection(number)
        ended.append(number)
    except DATABASE_ERRORS:
        pass  # MariaDB: unknown thread id
