"""I7: eight sweeps at once over two thousand due payments: each is claimed once for each time it is due."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection

from portone_django.clock import Tick, later
from portone_django.flows import reconciliation
from portone_django.models import Order, Payment

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

WORKERS, DUE = 8, 2000


@pytest.fixture(autouse=True)
def quick_turns() -> Iterator[None]:
    """Threads that wait for the database most of the time take turns at once, not after Python's 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
def test_each_due_payment_is_claimed_once_for_each_time_it_is_due() -> None:
    _two_thousand()
    for due in (DUE, 200):
        Payment.objects.filter(attempt_no__lt=due).update(next_check_at=later(-1))
        claimed, problems = _claim_at_once()
        assert not problems, problems
        assert len(claimed) == due
        assert set(Counter(claimed).values()) == {1}
        assert not Payment.objects.filter(next_check_at__lte=Tick()).exists()


def _claim_at_once() -> tuple[list[int], list[BaseException]]:
    gate, claimed, problems = threading.Barrier(WORKERS), [], []

    def sweep() -> None:
        try:
            connection.ensure_connection()
            gate.wait(30)
            # What a sweep does before it asks PortOne; asking two thousand times would show nothing more.
            due = reconciliation._due(everything=False)
            claimed.extend([each.pk for each in reconciliation.claimed(due, limit=DUE)])
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return claimed, problems


def _two_thousand() -> None:
    order = Order.objects.create(name="x", amount=100)
    now = order.created_at
    Payment.objects.bulk_create(
        [
            Payment(
                order=order, attempt_no=number, merchant_uid=f"t{number:024d}", state="pending", amount=100, name="x",
                channel="checkout", expected_pg_provider="html5_inicis", expected_pg_id="INIpayTest",
                expected_sandbox=True, expires_at=now, next_check_at=now,
            )
            for number in range(DUE)
        ],
        batch_size=500,
    )  # fmt: skip
