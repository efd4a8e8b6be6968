"""The same refund asked for many times at once is one; of different ones at once one goes first, and none too many."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from portone_django.exceptions import NotRefundable, RefundPending
from portone_django.models import Event, Payment, Refund
from tests import ledgers
from tests.factories import paid_payment

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

AT_ONCE, ROUNDS = 20, 5


def at_once(count: int, deed: Callable[[int], str]) -> Counter[str]:
    """How each of so many callers ended: what the deed says, or the error that it raised."""
    ended: Counter[str] = Counter()
    barrier = threading.Barrier(count)

    def call(number: int) -> None:
        barrier.wait(30)
        try:
            said = deed(number)
        except Exception as error:
            said = type(error).__name__
        finally:
            connection.close()
        ended[said] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def test_twenty_submissions_of_one_refund_are_one_refund(sandbox: Any) -> None:
    for _ in range(ROUNDS):
        payment = paid_payment(sandbox)

        def submit(_number: int, pk: int = payment.pk) -> str:
            return str(Payment.objects.get(pk=pk).refund(amount=900, reason=f"r{pk}", reference=f"form-{pk}").pk)

        ended = at_once(AT_ONCE, submit)
        refund = Refund.objects.get(payment=payment)
        assert ended == {str(refund.pk): AT_ONCE}
        refund.sync()
        assert [each["amount"] for each in sandbox.payment(payment.imp_uid)["cancel_history"]] == [900]
        assert Event.objects.filter(kind="payment.refunded", payment=payment).count() == 1
    assert ledgers.disagreements(sandbox) == []


def test_of_twenty_operators_at_once_each_refunds_or_is_told_why_not(sandbox: Any) -> None:
    for _ in range(ROUNDS):
        payment = paid_payment(sandbox)

        def refund(number: int, pk: int = payment.pk) -> str:
            try:
                return Payment.objects.get(pk=pk).refund(amount=2000 + number, reason=f"r{pk}-{number}").state
            except (RefundPending, NotRefundable, ValueError):
                return "told"

        ended = at_once(AT_ONCE, refund)
        assert set(ended) <= {"succeeded", "told"}
        assert 1 <= ended["succeeded"] <= 6, "six of them are as much as was paid"
        assert Refund.objects.filter(payment=payment).count() == ended["succeeded"]
    assert ledgers.disagreements(sandbox) == []
