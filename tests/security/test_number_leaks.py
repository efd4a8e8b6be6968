"""A bug at any line between a project and PortOne shows nobody the number of a receipt, or a name or an address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portone_django.escrow import PostalAddress
from portone_django.exceptions import PaymentError
from portone_django.gateway import PortOneError
from portone_django.models import CashReceipt, Payment
from portone_django.receipts import issue_cash_receipt
from tests.shop import Shop

from .injection import lines_run, raising_at, told

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "01097531086"
ADDRESS = {"name": "카나리아구매자", "tel": "02-9753-1086", "addr": "종달새길 31", "postcode": "86420"}
CANARIES = [NUMBER, *ADDRESS.values()]
# (what goes wrong at PortOne, every how many lines a bug of ours strikes)
CASES = [(None, 7), ("http_400", 7), ("timeout_before", 7), pytest.param(None, 1, marks=pytest.mark.slow)]
DOORS: dict[str, Callable[[Payment], CashReceipt]] = {
    "the verb": lambda payment: payment.issue_cash_receipt(identifier=NUMBER),
    "the function": lambda payment: issue_cash_receipt(payment, identifier=NUMBER),
}


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def examine(work: Callable[[], Any], every: int, *parts: str) -> None:
    """Raise at each `every`-th line that the work runs below these parts of the package."""

    def attempt() -> None:
        try:
            work()
        except (PaymentError, PortOneError):
            return

    lines = lines_run(attempt, *parts)
    assert len(lines) > 50
    escaped, leaky = 0, []
    for line in lines[::every]:
        error = raising_at(line, work, *parts)
        escaped += error is not None
        if error is not None and (found := leaks(told(error, every_variable=True))):
            leaky.append((Path(line[0]).name, line[1], found))
    assert leaky == []
    assert escaped > 5


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("fault", "every"), CASES)
def test_a_bug_while_a_receipt_is_issued(
    shop: Shop, caplog: Any, monkeypatch: Any, fault: str | None, every: int, door: str
) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    caplog.set_level("DEBUG")
    payment = shop.deposited()

    def issue() -> Any:
        CashReceipt.objects.all().delete()
        shop.sandbox.receipts.remove(payment.imp_uid)
        shop.sandbox.faults.clear()
        if fault:
            shop.sandbox.faults.add(fault, method="POST", path="/receipts/*", message=f"{NUMBER} 오류")
        return DOORS[door](Payment.objects.get(pk=payment.pk))

    issue()
    examine(issue, every, "receipts.py", "flows/receipt", "models/payment.py", "gateway/receipts.py")
    assert leaks(caplog.text) == []


@pytest.mark.parametrize(("fault", "every"), CASES)
def test_a_bug_while_a_delivery_is_registered(
    shop: Shop, caplog: Any, monkeypatch: Any, fault: str | None, every: int
) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    caplog.set_level("DEBUG")
    started = shop.click(shop.order(), escrow=True)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    payment = shop.payment(started).sync()
    sent_at = dt.datetime(2026, 8, 6, tzinfo=dt.UTC)

    def deliver() -> Any:
        shop.sandbox.deliveries.remove(payment.imp_uid)
        shop.sandbox.faults.clear()
        if fault:
            shop.sandbox.faults.add(fault, method="POST", path="/escrows/*", message=" ".join(ADDRESS.values()))
        address = PostalAddress(**ADDRESS)
        row = Payment.objects.get(pk=payment.pk)
        return row.register_delivery(sender=address, receiver=address, company="EPOST", invoice="1", sent_at=sent_at)

    examine(deliver, every, "escrow.py", "flows/escrow.py", "models/payment.py", "gateway/escrow.py")
    assert leaks(caplog.text) == []
