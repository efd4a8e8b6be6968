"""Receipts that are taken back, by the shop, in the console or after a refund."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django.clock import later, tick
from portone_django.exceptions import ReceiptNotCancelled
from portone_django.flows import receipts as flow
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import get_client
from portone_django.models import CashReceipt, Event
from portone_django.refunds import RefundAccount
from tests.receipting import LOST, PHONE, lose
from tests.security.wiretap import Wiretap, in_records
from tests.shop import Shop
from tests.wire import kinds

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")


# Cancelling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_cancel_is_decided_by_what_portone_shows(shop: Shop, fault: str, is_done: bool) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    lose(shop, fault, method="DELETE")
    if is_done:
        assert payment.cancel_cash_receipt().state == "cancelled"
        return
    with pytest.raises(ReceiptNotCancelled, match="cancelling again is safe") as caught:
        payment.cancel_cash_receipt()
    receipt.refresh_from_db()
    assert (caught.value.is_unknown, caught.value.receipt_id, receipt.state) == (True, receipt.pk, "issued")
    get_client().cancel_receipt(payment.imp_uid or "")  # it arrives late
    shop.quiet()
    assert reconcile().receipts == 1
    receipt.refresh_from_db()
    assert receipt.state == "cancelled"


def test_a_refused_cancel_leaves_it_issued_and_says_why(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    lose(shop, "http_400", method="DELETE", message="취소할 수 없습니다.")
    with pytest.raises(ReceiptNotCancelled, match="취소할 수 없습니다") as caught:
        payment.cancel_cash_receipt()
    receipt.refresh_from_db()
    assert (caught.value.is_unknown, receipt.state, receipt.next_check_at) == (False, "issued", None)
    assert payment.cancel_cash_receipt().state == "cancelled"


def test_a_cancel_that_portone_agrees_to_and_does_not_show_is_not_believed(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    Wiretap().tamper("^/receipts/", in_records(cancelled_at=0))
    with pytest.raises(ReceiptNotCancelled, match="does not show it") as caught:
        payment.cancel_cash_receipt()
    receipt.refresh_from_db()
    assert (caught.value.is_unknown, receipt.state) == (True, "issued")


def test_one_that_was_cancelled_in_the_console_is_cancelled_here(shop: Shop) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    get_client().cancel_receipt(payment.imp_uid or "")
    lose(shop, "http_400", method="DELETE", message="이미 취소되었습니다.")
    assert payment.cancel_cash_receipt().state == "cancelled"


def test_an_answer_that_is_older_than_the_cancel_changes_nothing(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    stale = get_client().get_receipt(payment.imp_uid or "")
    payment.cancel_cash_receipt()
    flow.take(receipt, stale)
    receipt.refresh_from_db()
    assert (receipt.state, receipt.open_slot) == ("cancelled", None)


# After a refund --------------------------------------------------------------------------------------------------


def test_after_a_refund_the_sweep_looks_whether_the_receipt_is_still_there(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    payment.refund(reason="x", account=ACCOUNT)
    get_client().cancel_receipt(payment.imp_uid or "")  # KG Inicis takes it back
    assert reconcile().receipts == 1
    receipt.refresh_from_db()
    assert (receipt.state, receipt.open_slot) == ("cancelled", None)
    assert kinds(payment, "receipt.")[-1] == "receipt.cancelled"


def test_a_receipt_over_more_than_remains_is_reported_once_and_looked_at_daily(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    shop.sandbox.console_cancel(payment.imp_uid, 900)
    payment.sync()
    for _ in range(3):
        assert reconcile().receipts == 1
        receipt.refresh_from_db()
        assert receipt.next_check_at is not None
        assert (receipt.next_check_at - tick()).total_seconds() > 86000
        CashReceipt.objects.update(next_check_at=later(-1))
    (event,) = Event.objects.filter(kind="receipt.differs")
    assert (event.data["amount"], event.data["balance"]) == (12900, 12000)


def test_a_refund_by_card_asks_about_no_receipt(shop: Shop) -> None:
    shop.paid().refund(reason="x")
    assert reconcile().receipts == 0


def test_a_receipt_that_cannot_be_looked_up_does_not_stop_the_sweep(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [payment.issue_cash_receipt(identifier=PHONE) for payment in (shop.deposited(), shop.deposited())]
    CashReceipt.objects.update(next_check_at=later(-1))
    take = flow.take

    def poisoned(receipt: CashReceipt, found: Any) -> Any:
        if receipt.pk == receipts[0].pk:
            raise RuntimeError("poison")
        return take(receipt, found)

    monkeypatch.setattr(flow, "take", poisoned)
    assert reconcile().receipts == 1


def test_a_dead_portone_is_left_alone(shop: Shop) -> None:
    for _ in range(7):
        payment = shop.deposited()
        CashReceipt.objects.create(payment=payment, open_slot=payment.pk, state="unknown", next_check_at=later(-1))
    lose(shop, "http_503", times=500)
    assert reconcile().gave_up
    asked = [each["hits"] for each in shop.sandbox.faults.list() if each["kind"] == "http_503"]
    assert asked[0] <= 5 * 3, "five questions, each tried three times at most"


def test_a_receipt_over_money_that_went_back_elsewhere_is_reported_once(shop: Shop) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    payment.record_refund(amount=2900, refunded_on=dt.date(2026, 8, 6), reference="r", reason="x")
    for _ in range(2):
        CashReceipt.objects.exclude(next_check_at=None).update(next_check_at=later(-1))
        reconcile()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.amount) == ("issued", 12900)
    differs = Event.objects.get(kind="receipt.differs")
    assert (differs.data["amount"], differs.data["balance"]) == (12900, 10000)
