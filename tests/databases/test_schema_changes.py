"""What a later version may do to the large tables while charges run: nothing that it adds holds up a charge (I14).

Today's schema is made by one migration before the first charge, so there is no change of it to test yet. This shows
that the two operations a later migration needs, an index and an empty column, can run under charges.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection
from django.db.migrations import AddField
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import CharField, Index

from portone_django.models import Payment
from tests.factories import OrderFactory, PaymentFactory
from tests.members import Members
from tests.test_plans import multiply

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
MANY, MOST = 20_000, 1_000_000


@contextmanager
def elsewhere(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """`work` on a connection of its own, beside the block; it has ended when the block has."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
    assert failures == []


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def migrate(operation: Operation) -> None:
    """What a later migration with this operation does, outside a transaction as `atomic = False` asks for."""
    before = MigrationLoader(connection).project_state()
    after = before.clone()
    operation.state_forwards(Payment._meta.app_label, after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards(Payment._meta.app_label, editor, before, after)


def fill(count: int) -> None:
    payment = PaymentFactory(order=OrderFactory(state="expired"), state="failed", open_slot=None)
    multiply(payment, count, merchant_uid="$u", attempt_no=f"{payment.attempt_no} + n.i")


def is_building() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%later%'")
        return bool(cursor.fetchone()[0])


def test_charges_go_on_while_an_index_is_built_over_a_million_payments(members: Members) -> None:
    fill(MOST)
    subscription = members.subscribed()
    reader = threading.Event()
    operation = AddIndexConcurrently("payment", Index(fields=["card_name"], name="later_index"))

    def read_for_long() -> None:
        """A long report: its snapshot keeps the index from being finished, so that it is surely still being built."""
        execute("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM portone_payment")
        reader.wait(60)
        execute("COMMIT")

    try:
        with elsewhere(read_for_long):
            time.sleep(0.3)
            with elsewhere(lambda: migrate(operation)) as builder:
                while builder.is_alive() and not is_building():
                    time.sleep(0.01)
                for _ in range(3):
                    assert members.renew(subscription).state == "paid"
                assert builder.is_alive(), "the index was being built all the time"
                reader.set()
    finally:
        reader.set()
        execute("DROP INDEX IF EXISTS later_index")
    assert members.taken(subscription) == [9900] * 4


def test_a_new_empty_column_does_not_rewrite_the_table(members: Members) -> None:
    fill(MANY)
    subscription = members.subscribed()
    operation = AddField("payment", "later_column", CharField(max_length=10, null=True))

    def file() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_relation_filenode('portone_payment')")
            return int(cursor.fetchone()[0])

    before = file()
    try:
        migrate(operation)
        assert file() == before, "every row was written again"
        assert members.renew(subscription).state == "paid"
    finally:
        execute("ALTER TABLE portone_payment DROP COLUMN IF EXISTS later_column")
    assert Payment.objects.count() == MANY + 3
