"""Many rows in one statement are the rows that Django would have written, and nobody else's are written over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DataError, connection

from portone_django.clock import Tick, later
from portone_django.flows import bulk
from portone_django.flows.rows import Changes, Stale, values_of, write_many
from portone_django.models import Event, Order, Payment
from tests.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db

TEXTS = ["it's 100 %, %s and {}", '원두 ☕ \\ "quoted"', "", "v.c1); DROP TABLE portone_order; --"]


def orders(prefix: str) -> list[Order]:
    """Columns that differ, that are the same, empty ones among them, and each kind of value."""
    then = dt.datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=dt.UTC)
    return [
        Order(
            public_id=f"{prefix}{number}", reference=f"{prefix}-{number}" if number % 2 else None, name=text,
            amount=2**40 + number, tax_free_amount=number or None, metadata={"text": text, "n": [1, None, True]},
            paid_at=then if number else None, state="paid", buyer_name="홍길동",
        )
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip


def stored(rows: list[Order]) -> list[dict[str, Any]]:
    """As they are in the database, without what must differ."""
    own = ("id", "public_id", "reference", "created_at", "updated_at")
    found = [values_of(Order.objects.get(pk=each.pk)) for each in rows]
    return [{name: value for name, value in each.items() if name not in own} for each in found]


def test_what_is_inserted_is_what_django_would_have_inserted() -> None:
    ours, djangos = orders("a"), orders("b")
    bulk.insert(ours, unique="public_id")
    Order.objects.bulk_create(djangos)
    assert stored(ours) == stored(djangos)
    for row in ours:
        assert Order.objects.get(public_id=row.public_id).pk == row.pk
        assert (row._state.adding, row._state.db) == (False, "default")
        assert row.created_at == Order.objects.get(pk=row.pk).created_at


def test_database_time_is_inserted_for_each_and_for_all() -> None:
    order = OrderFactory()
    events = [Event(kind="order.paid", order=order, dispatched_at=Tick() if number else None) for number in range(3)]
    for event in events:
        event.notice_due_at = later(60)
    bulk.insert(events, unique="event_id")
    written = [Event.objects.get(event_id=event.event_id) for event in events]
    assert [each.pk for each in written] == [event.pk for event in events]
    assert [each.dispatched_at is None for each in written] == [True, False, False]
    assert {each.notice_due_at - written[0].notice_due_at for each in written} == {dt.timedelta()}
    assert written[1].notice_due_at - written[1].dispatched_at == dt.timedelta(seconds=60)


def test_one_row_and_none_are_inserted_as_well() -> None:
    one = orders("c")[:1]
    bulk.insert(one, unique="public_id")
    bulk.insert([], unique="public_id")
    assert Order.objects.get(public_id="c0").pk == one[0].pk


def test_only_the_columns_that_are_named_are_written_and_each_to_its_own_row() -> None:
    rows = [OrderFactory() for _ in TEXTS]
    for number, (row, text) in enumerate(zip(rows, TEXTS, strict=True)):
        row.name, row.paid_at, row.buyer_name = text, Tick() if number % 2 else None, "not this"
    write_many(rows, ["name", "paid_at"])
    found = [Order.objects.get(pk=row.pk) for row in rows]
    assert [each.name for each in found] == TEXTS
    assert [each.paid_at is None for each in found] == [True, False, True, False]
    assert {each.buyer_name for each in found} == {"홍길동"}


def test_one_row_is_written_as_well() -> None:
    row = OrderFactory()
    row.name = "another"
    write_many([row], ["name"])
    assert Order.objects.get(pk=row.pk).name == "another"


def claimed(count: int) -> list[Payment]:
    return [PaymentFactory(lease_token="a" * 32, charge_due_at=later(60), customer_uid="c") for _ in range(count)]


def paid(rows: list[Payment]) -> Changes:
    changes = Changes()
    for number, row in enumerate(rows):
        row.refresh_from_db()
        before = values_of(row)
        row.state, row.imp_uid, row.charge_due_at, row.records = (
            "paid",
            f"imp_{number}",
            None,
            {f"imp_{number}": "paid"},
        )
        row.next_check_at = later(3600 * (number + 1))
        changes.add(row, before)
    return changes


def test_changes_are_written_together() -> None:
    rows = claimed(3)
    paid(rows).write()
    found = [Payment.objects.get(pk=row.pk) for row in rows]
    assert [(each.state, each.imp_uid, each.charge_due_at) for each in found] == [
        ("paid", f"imp_{number}", None) for number in range(3)
    ]
    assert [each.records for each in found] == [{f"imp_{number}": "paid"} for number in range(3)]
    assert found[2].next_check_at - found[0].next_check_at > dt.timedelta(seconds=7000)
    assert all(each.updated_at == row.updated_at for each, row in zip(found, rows, strict=True))


@pytest.mark.parametrize(
    "elsewhere",
    [{"lease_token": "b" * 32}, {"state": "unknown"}, {"updated_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}],
)
def test_what_somebody_else_has_written_meanwhile_is_stale(elsewhere: dict[str, Any]) -> None:
    rows = claimed(3)
    changes = paid(rows)
    Payment.objects.filter(pk=rows[1].pk).update(**elsewhere)
    with pytest.raises(Stale):
        changes.write()


@pytest.mark.postgresql
def test_a_text_that_is_too_long_is_refused_and_never_cut() -> None:
    rows = claimed(2)
    changes = paid(rows)
    rows[0].card_name = "x" * 1000
    with pytest.raises(DataError):
        changes.write()


@pytest.mark.postgresql
def test_the_statements_are_one_for_each_table() -> None:
    statements: list[str] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    changes = paid(claimed(20))
    with connection.execute_wrapper(listen):
        changes.write()
        bulk.insert(orders("d"), unique="public_id")
    assert [sql.split()[0] for sql in statements] == ["UPDATE", "INSERT"]
