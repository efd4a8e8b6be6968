"""I1: a deadlock after PortOne answered repeats the write, never the call."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portone_django.models import Event, Refund
from tests.factories import OrderFactory
from tests.shop import Shop
from tests.wire import cancels, fresh

from .faults import Failing, Rival, Statements, deadlock, is_write, on_this_connection
from .ledgers import differences, let_time_pass

pytestmark = pytest.mark.django_db(transaction=True)

OWN = {"postgresql": "40P01", "mysql": "1213", "sqlite": "locked"}
CODES = ["40P01", "40001", "55P03", "1213", "1205", "locked"]


@pytest.mark.parametrize("code", CODES)
def test_a_deadlock_after_portones_answer_repeats_the_write_and_not_the_call(
    shop: Shop, sent: list[Any], code: str
) -> None:
    payment = shop.paid()
    fault = Failing(1, deadlock(code), times=3, counts=lambda sql: bool(sent) and is_write(sql))
    with on_this_connection(fault):
        refund = payment.refund(amount=900, reason="x")
    assert fault.happened == 3
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1)
    assert shop.delivered(payment.order, "order_refunded") == 1


def test_whichever_write_of_a_refund_meets_a_deadlock_one_cancel_leaves_and_is_known(
    shop: Shop, sent: list[Any]
) -> None:
    for number in count(1):
        payment = shop.paid()
        sent.clear()
        with on_this_connection(Failing(number, deadlock(OWN[connection.vendor]))) as fault:
            refund = payment.refund(amount=900, reason="x")
        assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1), f"write {number}"
        assert shop.delivered(payment.order, "order_refunded") == 1
        if not fault.happened:
            break
    assert number > 6, "there were writes to fail"


def test_whichever_write_of_a_payments_answer_meets_a_deadlock_the_order_is_paid_once(shop: Shop) -> None:
    for number in count(1):
        order = shop.order()
        started, imp_uid = shop.pay(order)
        with on_this_connection(Failing(number, deadlock(OWN[connection.vendor]))) as fault:
            assert shop.callback(started, imp_uid)["state"] == "paid", f"write {number}"
        assert shop.delivered(order) == 1
        if not fault.happened:
            break
    assert number > 3, "there were writes to fail"


def test_a_database_that_stays_busy_leaves_the_refund_sent_and_a_look_up_ends_it(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    fault = Failing(1, deadlock("1213"), times=1000, counts=lambda sql: bool(sent) and is_write(sql))
    with on_this_connection(fault), pytest.raises(OperationalError):
        payment.refund(amount=900, reason="x")
    assert (Refund.objects.get().state, fresh(payment).cancel_amount, cancels(shop, payment)) == ("sent", 0, [900])
    let_time_pass(shop)
    assert (Refund.objects.get().state, len(sent), differences(shop)) == ("succeeded", 1, [])
    assert shop.delivered(payment.order, "order_refunded") == 1


def test_a_database_that_stays_busy_leaves_the_payment_to_the_sweep(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    with on_this_connection(Failing(1, deadlock("40P01"), times=1000)), pytest.raises(OperationalError):
        shop.callback(started, imp_uid)
    assert shop.delivered(order) == 0
    let_time_pass(shop)
    assert (shop.payment(started).state, shop.delivered(order)) == ("paid", 1)


def test_a_database_that_fails_after_the_commit_raises_nothing_at_the_host_and_the_sweep_sends_the_refund(
    shop: Shop, sent: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    payment = shop.paid()
    after = lambda sql: "portone_" in sql and not connection.in_atomic_block  # noqa: E731
    fault = Failing(1, deadlock("locked"), times=1000, counts=after)
    with on_this_connection(fault), transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x")
    assert fault.happened
    assert "on_commit" in caplog.text
    let_time_pass(shop)
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1)


# Real ones: two transactions that take the same two rows in opposite order ----------------------------------------


@pytest.mark.server
def test_a_real_deadlock_while_a_refunds_answer_is_written_costs_no_second_cancel(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    meeting = _Meeting(
        "UPDATE portone_refund SET send_count = send_count",
        f"SELECT id FROM portone_payment WHERE id = {payment.pk} FOR UPDATE",
        lambda sql: bool(sent) and sql.startswith("UPDATE") and "portone_refund" in sql,
    )
    with on_this_connection(meeting):
        refund = payment.refund(amount=900, reason="x")
    meeting.assert_was_real()
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1)
    assert Event.objects.filter(kind="payment.refunded").count() == 1
    assert shop.delivered(payment.order, "order_refunded") == 1


@pytest.mark.server
def test_a_real_deadlock_while_a_payment_is_settled_pays_the_order_once(shop: Shop) -> None:
    order, other = shop.order(), shop.order()
    started, imp_uid = shop.pay(order)
    payment = shop.payment(started)
    if connection.vendor == "mysql":
        # Among a handful of orders MariaDB may begin the join with them, and lock them all.
        OrderFactory.create_batch(200)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE portone_order, portone_payment")
            cursor.fetchall()
    columns = "event_id, kind, order_id, effect, source, data, created_at, dispatch_attempts"
    meeting = _Meeting(
        # The same effect, not yet committed: whoever writes it now waits.
        f"INSERT INTO portone_event ({columns}) VALUES ('00000000-0000-4000-8000-000000000000', 'order.paid', "
        f"{other.pk}, 'order.paid:{order.pk}', '', '{{}}', '2026-01-01', 1)",
        f"SELECT id FROM portone_payment WHERE id = {payment.pk} FOR UPDATE",
        lambda sql: sql.startswith("INSERT") and "portone_event" in sql,
    )
    with on_this_connection(meeting):
        assert shop.callback(started, imp_uid)["state"] == "paid"
    meeting.assert_was_real()
    assert Event.objects.filter(kind="order.paid").count() == 1
    assert shop.delivered(order) == 1


class _Meeting(Statements):
    """Before the first statement that `counts` names, a rival takes what it wants and waits for what we hold."""

    def __init__(self, first: str, second: str, counts: Any) -> None:
        super().__init__(1, counts)
        self.rival = Rival(first, second)

    def before(self) -> None:
        self.rival.start()
        assert self.rival.has_first.wait(20)
        time.sleep(0.3)  # it waits for its second by now, most probably; if not, the deadlock comes a moment later

    def assert_was_real(self) -> None:
        self.rival.join(20)
        assert self.rival.problem is None, self.rival.problem
        said = [str(getattr(each.__cause__, "sqlstate", "")) + str(each.args[0]) for each in self.errors]
        assert len(said) == 1
        assert OWN[connection.vendor] in said[0]
