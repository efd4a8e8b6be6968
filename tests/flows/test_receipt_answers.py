"""One receipt at a time; an answer that is lost is looked up, never sent again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from portone_django.clock import later, tick
from portone_django.exceptions import ReceiptPending
from portone_django.flows import receipts as flow
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import get_client
from portone_django.models import CashReceipt, Payment
from tests.receipting import LOST, PHONE, lose, theirs
from tests.shop import Shop
from tests.wire import kinds, overhear

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every write of a receipt that left: the call's name and its body."""
    calls: list[tuple[str, dict[str, Any]]] = []
    names = ("issue_receipt", "cancel_receipt")
    overhear(monkeypatch, lambda each: calls.append((each.name, dict(each.body or {}))) if each.name in names else None)
    return calls


# One at a time ---------------------------------------------------------------------------------------------------


def test_a_second_one_is_refused_while_there_is_one(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    with pytest.raises(ReceiptPending, match="cancel_cash_receipt") as caught:
        payment.issue_cash_receipt(identifier=PHONE)
    assert (caught.value.receipt_id, caught.value.state, len(sent)) == (receipt.pk, "issued", 1)


def test_a_second_call_during_the_first_is_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, refused = shop.deposited(), []
    send = flow._issue

    def meanwhile(*args: Any) -> Any:
        with pytest.raises(ReceiptPending, match="is sent") as caught:
            Payment.objects.get(pk=payment.pk).issue_cash_receipt(identifier="010-1111-2222")
        refused.append(caught.value)
        return send(*args)

    monkeypatch.setattr(flow, "_issue", meanwhile)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued"
    assert (len(refused), CashReceipt.objects.count()) == (1, 1)


def test_a_look_during_the_send_decides_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.deposited()
    send = flow._issue

    def meanwhile(*args: Any) -> Any:
        assert CashReceipt.objects.get().sync().state == "sent"
        assert reconcile().receipts == 0
        return send(*args)

    monkeypatch.setattr(flow, "_issue", meanwhile)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued"


def test_the_database_itself_refuses_a_second_open_receipt(shop: Shop) -> None:
    payment = shop.deposited()
    CashReceipt.objects.create(payment=payment, open_slot=payment.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        CashReceipt.objects.create(payment=payment, open_slot=payment.pk)


@pytest.mark.postgresql
def test_eight_at_once_issue_one(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    barrier, ends = threading.Barrier(8), []

    def issue() -> None:
        mine = Payment.objects.get(pk=payment.pk)
        barrier.wait(30)
        try:
            ends.append(mine.issue_cash_receipt(identifier=PHONE).state)
        except ReceiptPending as pending:
            ends.append(type(pending).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=issue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["ReceiptPending"] * 7 + ["issued"]
    assert (len(sent), CashReceipt.objects.count()) == (1, 1)


# Answers that are lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_answer_is_looked_up_and_never_sent_again(
    shop: Shop, sent: list[Any], fault: str, is_done: bool
) -> None:
    payment = shop.deposited()
    lose(shop, fault, method="POST")
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert receipt.state == ("issued" if is_done else "unknown")
    assert (theirs(shop, payment) is not None) is is_done
    if not is_done:
        assert receipt.sync().state == "unknown", "what is on its way is not given up before the quiet period"
        shop.quiet()
        assert receipt.sync().state == "unknown", "one answer is not enough"
        shop.quiet()
        assert (receipt.sync().state, receipt.sync().fail_reason) == ("failed", "not_executed")
        assert shop.delivered(payment.order, "cash_receipt_failed") == 1
        assert payment.issue_cash_receipt(identifier=PHONE).state == "issued", "a person may ask for another"
    assert [name for name, _ in sent] == ["issue_receipt"] * (1 if is_done else 2)


def test_a_receipt_whose_answer_and_look_up_are_lost_is_found_by_the_sweep(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    lose(shop, "timeout_after", times=20)
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert receipt.state == "unknown"
    shop.sandbox.faults.clear()
    assert reconcile().receipts == 0, "not yet due"
    shop.quiet()
    assert reconcile().receipts == 1
    receipt.refresh_from_db()
    assert (receipt.state, receipt.amount, len(sent)) == ("issued", 12900, 1)
    assert shop.delivered(payment.order, "cash_receipt_issued") == 1


def test_one_that_arrives_late_is_found_before_it_is_given_up(shop: Shop) -> None:
    payment = shop.deposited()
    lose(shop, "timeout_before", method="POST")
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    shop.quiet()
    assert reconcile().receipts == 0
    get_client().issue_receipt(payment.imp_uid or "", identifier="01097531086")  # the packet was held up somewhere
    shop.quiet()
    assert reconcile().receipts == 1
    receipt.refresh_from_db()
    assert receipt.state == "issued"


def test_two_looks_within_a_minute_are_one(shop: Shop) -> None:
    payment = shop.deposited()
    lose(shop, "timeout_before", method="POST")
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    CashReceipt.objects.update(sent_at=later(-601), next_check_at=later(-1))
    for _ in range(3):
        assert receipt.sync().state == "unknown"
    receipt.refresh_from_db()
    assert receipt.next_check_at is not None
    assert 50 < (receipt.next_check_at - tick()).total_seconds() <= 60
    CashReceipt.objects.update(next_check_at=later(-1))
    assert receipt.sync().state == "failed"


def test_a_portone_that_does_not_answer_proves_nothing_however_often_it_is_asked(shop: Shop) -> None:
    payment = shop.deposited()
    lose(shop, "http_503", times=90)
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    for _ in range(6):
        shop.quiet()
        reconcile()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.open_slot) == ("unknown", payment.pk)
    assert receipt.next_check_at is not None
    with pytest.raises(ReceiptPending, match="unknown"):
        payment.issue_cash_receipt(identifier=PHONE)
    with pytest.raises(ReceiptPending, match="unknown"):
        payment.cancel_cash_receipt()


@pytest.mark.parametrize("fault", ["refuse", "connect_timeout"])
def test_what_surely_did_not_leave_fails_at_once(shop: Shop, fault: str) -> None:
    payment = shop.deposited()
    lose(shop, fault, method="POST")
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert (receipt.state, receipt.fail_reason, receipt.open_slot) == ("failed", "not_sent", None)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued"


@pytest.mark.parametrize("fault", ["http_400", "http_403", "http_404"])
def test_a_refusal_fails_at_once_in_portones_words(shop: Shop, fault: str) -> None:
    payment = shop.deposited()
    lose(shop, fault, method="POST", message="발급할 수 없는 번호입니다.")
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert (receipt.state, receipt.open_slot) == ("failed", None)
    assert receipt.fail_reason.startswith("refused: ")
    if fault == "http_400":
        assert receipt.fail_reason == "refused: 발급할 수 없는 번호입니다."


def test_a_refusal_whose_look_up_is_lost_is_believed_by_the_first_answer(shop: Shop) -> None:
    payment = shop.deposited()
    lose(shop, "http_400", method="POST")
    lose(shop, "http_503", method="GET", times=3)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "unknown"
    shop.sandbox.faults.clear()
    assert CashReceipt.objects.get().sync().state == "failed"


def test_one_that_was_issued_elsewhere_is_taken_over_and_followed(shop: Shop) -> None:
    payment = shop.deposited()
    get_client().issue_receipt(payment.imp_uid or "", identifier="01097531086")
    before = theirs(shop, payment)
    assert before
    shop.sandbox.receipts.put(payment.imp_uid, {**before, "applied_at": before["applied_at"] - 4000})
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert (receipt.state, receipt.apply_num, receipt.fail_reason) == ("issued", before["apply_num"], "")
    get_client().cancel_receipt(payment.imp_uid or "")
    assert receipt.sync().state == "cancelled"


def test_the_cancelled_receipt_of_before_is_not_taken_for_the_new_one(shop: Shop) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    payment.cancel_cash_receipt()
    lose(shop, "timeout_before", method="POST")
    second = payment.issue_cash_receipt(identifier=PHONE)
    assert second.state == "unknown"
    for _ in range(2):
        shop.quiet()
        second.sync()
    assert (second.sync().state, second.sync().fail_reason) == ("failed", "not_executed")


def test_a_cancelled_receipt_that_we_never_knew_is_not_taken_for_ours(shop: Shop) -> None:
    payment = shop.deposited()
    get_client().issue_receipt(payment.imp_uid or "", identifier="01097531086")
    get_client().cancel_receipt(payment.imp_uid or "")
    before = theirs(shop, payment)
    assert before
    shop.sandbox.receipts.put(payment.imp_uid, {**before, "applied_at": before["applied_at"] - 4000})
    lose(shop, "timeout_before", method="POST")
    assert payment.issue_cash_receipt(identifier=PHONE).state == "unknown"


def test_one_that_was_issued_and_cancelled_unseen_passes_through_issued(shop: Shop) -> None:
    payment = shop.deposited()
    lose(shop, "timeout_after", times=20)
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    shop.sandbox.faults.clear()
    get_client().cancel_receipt(payment.imp_uid or "")
    assert (receipt.sync().state, receipt.sync().open_slot) == ("cancelled", None)
    assert kinds(payment, "receipt.") == ["receipt.requested", "receipt.issued", "receipt.cancelled"]


def test_a_process_that_slept_before_it_sent_does_not_send(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = flow.reserve_receipt

    def sleepily(*args: Any, **options: Any) -> Any:
        receipt, parts = reserve(*args, **options)
        CashReceipt.objects.update(sent_at=later(-21))
        receipt.refresh_from_db()
        return receipt, parts

    monkeypatch.setattr(flow, "reserve_receipt", sleepily)
    receipt = shop.deposited().issue_cash_receipt(identifier=PHONE)
    assert (receipt.state, receipt.fail_reason, sent) == ("failed", "not_sent", [])


@pytest.mark.parametrize("is_done", [True, False])
def test_a_process_that_ended_between_is_carried_on_by_the_sweep(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    payment = shop.deposited()
    send = flow._issue

    def killed(*args: Any) -> Any:
        if is_done:
            send(*args)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(flow, "_issue", killed)
        patch.setattr(flow, "_to_unknown", lambda *args: None)  # nothing of ours runs after a kill
        with pytest.raises(SystemExit):
            payment.issue_cash_receipt(identifier=PHONE)
    assert CashReceipt.objects.get().state == "sent"
    for _ in range(3):
        shop.quiet()
        reconcile()
    assert CashReceipt.objects.get().state == ("issued" if is_done else "failed")


def test_an_interrupted_send_is_unknown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "_issue", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shop.deposited().issue_cash_receipt(identifier=PHONE)
    assert CashReceipt.objects.get().state == "unknown"
