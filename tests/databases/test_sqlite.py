"""I9, I10: SQLite locks no rows and knows one writer; with IMMEDIATE, WAL and 20 s of patience nobody is turned away.

That the rules hold where select_for_update does nothing is shown by tests/flows, which run on SQLite, too.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from portone_django.exceptions import PaymentError
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Order, Refund
from tests.shop import Shop

from .ledgers import differences

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, SECONDS = 8, 4.0
OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


@pytest.fixture
def file_database(tmp_path: Path, transactional_db: None) -> Iterator[None]:
    """What other threads know as "default" is an SQLite file of this test, as the checks ask for one."""
    before = connections.settings["default"]
    connections.settings["default"] = {
        **before,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "shop.sqlite3"),
        "OPTIONS": OPTIONS,
    }
    try:
        in_threads([lambda: call_command("migrate", verbosity=0)])
        yield
    finally:
        connections.settings["default"] = before


@pytest.mark.slow
def test_eight_writers_of_one_file_never_hear_that_it_is_locked(shop: Shop, file_database: None) -> None:
    end = time.monotonic() + SECONDS
    done = [0] * WRITERS

    def sell_and_refund(writer: int) -> None:
        mine = copy.copy(shop)
        mine.browser = Client()
        while time.monotonic() < end:
            payment = mine.paid()
            assert payment.refund(amount=900, reason="x").state == "succeeded"
            if writer == 0:
                reconcile(everything=True)
            done[writer] += 1

    in_threads([lambda writer=writer: sell_and_refund(writer) for writer in range(WRITERS)])  # type: ignore[misc]
    assert min(done) >= 1, "every writer got its turn"

    def look() -> None:
        assert connection.vendor == "sqlite"
        assert Order.objects.filter(state="partially_refunded").count() == sum(done)
        assert Refund.objects.filter(state="succeeded").count() == sum(done)
        assert Event.objects.filter(kind="order.paid").count() == sum(done)
        assert differences(shop) == []

    in_threads([look])
    assert all(shop.effects.count((name, pk)) == 1 for name, pk in shop.effects)


@pytest.mark.slow
def test_the_last_won_is_refunded_once_by_eight_at_once_where_no_row_is_locked(shop: Shop, file_database: None) -> None:
    payments: list[Any] = []
    in_threads([lambda: payments.append(shop.paid())])
    (payment,) = payments
    gate = threading.Barrier(WRITERS)
    done: list[str] = []

    def refund() -> None:
        gate.wait(20)
        try:
            done.append(payment.refund(reason="x").state)
        except PaymentError:
            done.append("refused")

    in_threads([refund] * WRITERS)
    assert done.count("succeeded") == 1
    assert [each["amount"] for each in shop.sandbox.payment(payment.imp_uid)["cancel_history"]] == [12900]


def in_threads(deeds: list[Any]) -> None:
    """Each in a thread of its own, with connections of its own; what one of them raises is raised."""
    problems: list[BaseException] = []

    def run(deed: Any) -> None:
        try:
            deed()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
