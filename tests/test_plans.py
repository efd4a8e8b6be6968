"""The sweep and the purge find their rows by an index, however many there are: asked of the database's own planner."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from portone_django import clock
from portone_django.flows.claims import claim
from portone_django.flows.planning import plan_due
from portone_django.flows.reconciliation import count_due, reconcile
from portone_django.flows.retention import purge
from portone_django.models import BillingCycle, Event, Order, Payment, Refund, Subscription, WebhookDelivery
from tests.factories import OrderFactory, PaymentFactory, cycle, subscription

Asked = tuple[str, Any]

# The indexes by which the sweep finds what is due in each table.
DUE = {
    "portone_payment": {"portone_payment_due"},
    "portone_refund": {"portone_refund_due"},
    "portone_webhookdelivery": {"portone_webhook_due"},
    "portone_event": {"portone_event_outbox", "portone_event_notice"},
    "portone_order": {"portone_order_expiry"},
}
# The indexes by which a worker finds what it is to bill; a bill has one subscription and one order.
PLANNING = {"portone_subscription_due", "portone_subscription_ending", "portone_cycle_step"}
PLANNED = ("portone_subscription", "portone_billingcycle")


def numbers(count: int) -> str:
    """A table n(i) of 1 … count."""
    return {
        "postgresql": f"generate_series(1, {count}) AS n(i)",
        "mysql": f"(SELECT seq AS i FROM seq_1_to_{count}) AS n",
    }.get(
        connection.vendor,
        f"(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {count}) SELECT i FROM r) AS n",
    )


def multiply(row: Model, count: int, **columns: str) -> None:
    """So many copies of a row; `columns` are SQL over n.i for what must differ, $i being its text."""
    quote, table = connection.ops.quote_name, row._meta.db_table
    names = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    text = "CONCAT({}, n.i)" if connection.vendor == "mysql" else "{} || n.i"
    values = [columns.get(name, f"t.{quote(name)}") for name in names]
    values = [text.format(f"'{value[1:]}'") if value.startswith("$") else value for value in values]
    into = ", ".join(map(quote, names))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(table)} ({into}) SELECT {', '.join(values)} FROM {numbers(count)} "
            f"CROSS JOIN {quote(table)} AS t WHERE t.id = {row.pk}"
        )


def fill(payments: int, others: int, *, of_one_order: bool = True, is_known: bool = True) -> None:
    """So many decided payments, one in a hundred to be asked about later; so much of the rest. `is_known`: the database
    has looked at them since."""
    order = OrderFactory(state="expired")
    payment = PaymentFactory(order=order, state="failed", open_slot=None)
    later = f"CASE WHEN n.i % 100 = 0 THEN t.{connection.ops.quote_name('next_check_at')} END"
    multiply(order, others, public_id="$o", reference="$q")
    columns = {} if of_one_order else {"order_id": f"{order.pk} + n.i"}
    attempt_no = f"{payment.attempt_no} + n.i"
    multiply(payment, payments, merchant_uid="$u", attempt_no=attempt_no, next_check_at=later, **columns)
    refund = Refund.objects.create(
        payment=payment, imp_uid="imp_1", source="console", state="succeeded", amount=1, checksum=1, reason="x"
    )
    multiply(refund, others, imp_uid="$imp_")
    delivery = WebhookDelivery.objects.create(merchant_uid="t", processed_at=payment.created_at)
    multiply(delivery, others, merchant_uid="$w")
    event = Event.objects.create(kind="payment.failed", order=order, payment=payment, dispatched_at=payment.created_at)
    unique = {"postgresql": "gen_random_uuid()", "mysql": "UUID()"}.get(connection.vendor, "lower(hex(randomblob(16)))")
    multiply(event, others, event_id=unique)
    with connection.cursor() as cursor:
        for model in (Order, Payment, Refund, WebhookDelivery, Event) if is_known else ():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"ANALYZE {'TABLE ' if connection.vendor == 'mysql' else ''}{table}")


def questions(work: Callable[[], object], tables: Collection[str] = DUE) -> list[Asked]:
    """The SELECTs of our large tables that the work asks."""
    asked: list[Asked] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        work()
    return [each for each in asked if each[0].startswith("SELECT") and table_of(each[0]) in tables]


def table_of(sql: str) -> str:
    """The table that a SELECT begins with."""
    return sql.partition(" FROM ")[2].split()[0].strip("`\"'")


def plan(asked: Asked) -> str:
    sql, params = asked
    words = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(words + sql, params)
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


def reads_everything(found: str, tables: Collection[str] = DUE) -> bool:
    """Whether a plan walks through one of these tables from end to end."""
    if connection.vendor == "postgresql":
        return any(f"Seq Scan on {table}" in found for table in tables)
    if connection.vendor == "mysql":
        return any(line.split()[3] == "ALL" for line in found.splitlines())
    return any(f"SCAN {table}" in found and "INDEX" not in found for table in tables)


def check_the_sweep() -> None:
    asked = questions(reconcile) + questions(count_due)
    assert {table_of(sql) for sql, _ in asked} == set(DUE)
    for each in asked:
        found = plan(each)
        assert not reads_everything(found), f"{each[0]}\n{found}"
        assert any(index in found for index in DUE[table_of(each[0])]), f"{each[0]}\n{found}"


def check_the_claims() -> None:
    """A drain's look at what is due, and what it reads of its claim."""
    PaymentFactory(order=OrderFactory(), customer_uid="c", charge_due_at=clock.later(-1))
    asked = questions(lambda: claim(10))
    plans = [(each[0], plan(each)) for each in asked]
    for sql, found in plans:
        assert not reads_everything(found), f"{sql}\n{found}"
    # What was claimed is read by its keys.
    assert ["portone_payment_charge" in found for _, found in plans] == [True, True, False], plans


def check_the_planning() -> None:
    """A drain's look at what is to be billed, tried again and ended."""
    asked = questions(lambda: plan_due(10, lease="a" * 32), PLANNED)
    assert {table_of(sql) for sql, _ in asked} == set(PLANNED)
    plans = [(sql, plan((sql, params))) for sql, params in asked]
    for sql, found in plans:
        assert not reads_everything(found, PLANNED), f"{sql}\n{found}"
    used = {index for index in PLANNING for _, found in plans if index in found}
    assert used == PLANNING, "\n".join(found for _, found in plans)


def fill_with_subscriptions(count: int, *, is_known: bool = True) -> None:
    """So many with a paid bill behind them; two are due, and one is over."""
    first = subscription(next_bill_at=clock.now() + dt.timedelta(days=10))
    bill = cycle(first, state="paid")
    multiply(first, count, public_id="$s", token="$t", live_slot="$l")
    multiply(bill.order, count, public_id="$p", reference="$r")
    multiply(bill, count, subscription_id=f"{first.pk} + n.i", order_id=f"{bill.order_id} + n.i")
    some = Subscription.objects.order_by("pk").values_list("pk", flat=True)[:2]
    Subscription.objects.filter(pk__in=list(some)).update(next_bill_at=clock.now())
    if is_known:  # or else whether its last charge is decided is asked of whatever the planner takes for the least
        Subscription.objects.filter(pk=Subscription.objects.latest("pk").pk).update(cancel_at=clock.now())
    with connection.cursor() as cursor:
        for model in (Subscription, Order, BillingCycle) if is_known else ():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"ANALYZE {'TABLE ' if connection.vendor == 'mysql' else ''}{table}")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_what_is_to_be_billed_by_its_index() -> None:
    fill_with_subscriptions(100_000 if connection.vendor == "postgresql" else 5_000)
    check_the_planning()
    everything = plan(("SELECT id FROM portone_subscription WHERE end_reason = %s", ["unpaid"]))
    assert reads_everything(everything, PLANNED)


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_among_a_million_payments_the_sweep_finds_what_is_due_by_its_index() -> None:
    fill(1_000_000, 200_000)
    assert Payment.objects.count() == 1_000_001
    check_the_sweep()
    check_the_claims()
    # The planner would read everything where there is no index: else the above would prove nothing.
    assert reads_everything(plan(("SELECT id FROM portone_payment WHERE channel = %s", ["billing"])))


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_a_worker_finds_what_is_due_by_its_index_in_tables_that_grew_faster_than_their_statistics() -> None:
    """A first night with a hundred thousand bills, or a server without autovacuum: every claim would read all of it."""
    fill_with_subscriptions(100_000, is_known=False)
    fill(100_000, 10, is_known=False)
    check_the_claims()
    check_the_planning()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_what_is_due_by_its_index_on_every_database() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("a few thousand rows are read whole by PostgreSQL: the test above has a million")
    fill(5_000, 5_000)
    check_the_sweep()
    check_the_claims()
    assert reads_everything(plan(("SELECT id FROM portone_payment WHERE channel = %s", ["billing"])))


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.django_db
def test_a_purge_with_nothing_to_blank_by_age_reads_no_orders() -> None:
    fill(100_000, 100_000, of_one_order=False)
    by_age = [each for each in questions(purge) if "created_at" in each[0] and table_of(each[0]) == "portone_order"]
    assert len(by_age) == 1
    assert not reads_everything(found := plan(by_age[0])), found
    assert "portone_order_blanking" in found
