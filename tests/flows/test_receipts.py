"""A cash receipt is issued at most once, what is not known is asked for, and its number is kept nowhere."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from portone_django.clock import later, tick
from portone_django.exceptions import ReceiptNotCancelled, ReceiptNotPossible, ReceiptPending
from portone_django.flows import receipts as flow
from portone_django.flows.receipt_number import ReceiptNumber
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import InsideTransaction, get_client
from portone_django.gateway.transport import Transport
from portone_django.models import CashReceipt, Event, Payment
from portone_django.refunds import RefundAccount
from tests.security.wiretap import Wiretap, in_records
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "010-9753-1086"
ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")
# How a call can end without an answer that tells: (fault, whether PortOne did it).
LOST = [
    ("timeout_before", False), ("timeout_after", True), ("drop_before", False), ("drop_after", True),
    ("http_500", False), ("http_502", False), ("http_503", False), ("http_504", False), ("http_429", False),
    ("html_200", True), ("empty_200", True), ("malformed", True), ("truncated", True), ("duplicate_keys", True),
    ("redirect", False),
]  # fmt: skip


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every write of a receipt that left: the call's name and its body."""
    calls: list[tuple[str, dict[str, Any]]] = []
    call = Transport.call

    def spy(self: Any, each: Any, *rest: Any) -> Any:
        if each.name in ("issue_receipt", "cancel_receipt"):
            calls.append((each.name, dict(each.body or {})))
        return call(self, each, *rest)

    monkeypatch.setattr(Transport, "call", spy)
    return calls


def theirs(shop: Shop, payment: Payment) -> dict[str, Any] | None:
    """PortOne's own receipt of the payment."""
    found: dict[str, Any] | None = shop.sandbox.receipts.get(payment.imp_uid)
    return found


def kinds(payment: Payment) -> list[str]:
    found = Event.objects.filter(payment=payment, kind__startswith="receipt.").order_by("pk")
    return list(found.values_list("kind", flat=True))


def lose(shop: Shop, fault: str, *, times: int = 1, **where: Any) -> None:
    shop.sandbox.faults.add(fault, path="/receipts/*", times=times, **where)


# The ordinary cases ----------------------------------------------------------------------------------------------


def test_a_receipt_is_issued_over_what_was_paid_and_told_once(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    found = theirs(shop, payment)
    assert found
    assert (receipt.state, receipt.kind, receipt.amount, receipt.vat) == ("issued", "person", 12900, 1172)
    assert (receipt.apply_num, receipt.receipt_tid) == (found["apply_num"], found["receipt_tid"])
    assert (receipt.issued_at, receipt.cancelled_at, receipt.next_check_at, receipt.fail_reason) == (
        dt.datetime.fromtimestamp(found["applied_at"], dt.UTC), None, None, "",
    )  # fmt: skip
    assert shop.delivered(payment.order, "cash_receipt_issued") == 1
    assert kinds(payment) == ["receipt.requested", "receipt.issued"]
    assert [(name, body["identifier"], body["type"]) for name, body in sent] == [
        ("issue_receipt", "01097531086", "person")
    ]


def test_a_company_gets_proof_of_expenditure_and_the_buyer_is_named(shop: Shop, sent: list[Any]) -> None:
    receipt = shop.deposited().issue_cash_receipt(identifier="123-45-67890", kind="company")
    assert (receipt.state, receipt.kind) == ("issued", "company")
    assert sent[0][1] == {
        "identifier": "1234567890",
        "type": "company",
        "buyer_name": "홍길동",
        "buyer_email": "buyer@example.com",
        "buyer_tel": "010-0000-0000",
    }


def test_after_a_part_went_back_it_is_over_the_rest(shop: Shop) -> None:
    payment = shop.deposited()
    payment.refund(amount=2900, reason="x", account=ACCOUNT)
    assert payment.issue_cash_receipt(identifier=PHONE).amount == 10000


def test_a_cancel_in_the_console_that_nobody_told_of_is_learned_first(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.console_cancel(payment.imp_uid, 2900)
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert (receipt.amount, payment.remaining_amount, payment.state) == (10000, 10000, "partially_refunded")


def test_it_can_be_taken_back_and_issued_anew(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    first = payment.issue_cash_receipt(identifier=PHONE)
    cancelled = payment.cancel_cash_receipt()
    assert (cancelled.pk, cancelled.state, cancelled.open_slot) == (first.pk, "cancelled", None)
    assert cancelled.cancelled_at is not None
    second = payment.issue_cash_receipt(identifier="1234567890", kind="company")
    assert (second.state, second.kind, CashReceipt.objects.count()) == ("issued", "company", 2)
    assert payment.state == "paid", "a receipt is not the money"
    assert [name for name, _ in sent] == ["issue_receipt", "cancel_receipt", "issue_receipt"]
    assert kinds(payment) == [
        "receipt.requested", "receipt.issued", "receipt.cancel_requested", "receipt.cancelled",
        "receipt.requested", "receipt.issued",
    ]  # fmt: skip


def test_cancelling_twice_sends_one_cancel(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    assert payment.cancel_cash_receipt().pk == payment.cancel_cash_receipt().pk
    assert [name for name, _ in sent] == ["issue_receipt", "cancel_receipt"]


# Taxes -----------------------------------------------------------------------------------------------------------


def test_parts_that_the_payment_stated_are_passed_on(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited(tax_free_amount=2900, vat_amount=909)
    payment.refund(amount=1100, tax_free_amount=0, vat_amount=100, reason="x", account=ACCOUNT)
    assert payment.issue_cash_receipt(identifier=PHONE).vat == 809
    assert (sent[0][1]["tax_free"], sent[0][1]["vat_amount"]) == (2900, 809)


def test_a_zero_rated_sale_is_zero_rated_on_its_receipt(shop: Shop, sent: list[Any]) -> None:
    assert shop.deposited(tax_free_amount=0, vat_amount=0).issue_cash_receipt(identifier=PHONE).vat == 0
    assert (sent[0][1]["tax_free"], sent[0][1]["vat_amount"]) == (0, 0)


def test_after_a_cancel_in_the_console_the_parts_are_asked_for(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited(tax_free_amount=2900, vat_amount=909)
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    with pytest.raises(ValueError, match=r"tax_free_amount=…, vat_amount=… of the 7900 won"):
        payment.issue_cash_receipt(identifier=PHONE)
    with pytest.raises(ValueError, match="vat_amount must be between"):
        payment.issue_cash_receipt(identifier=PHONE, tax_free_amount=2900, vat_amount=5001)
    assert (sent, CashReceipt.objects.count()) == ([], 0)
    assert payment.issue_cash_receipt(identifier=PHONE, tax_free_amount=2900, vat_amount=454).vat == 454


# What gets none --------------------------------------------------------------------------------------------------


def test_only_transfers_and_accounts_that_were_paid_get_one(shop: Shop, sent: list[Any]) -> None:
    with pytest.raises(ReceiptNotPossible, match="not for card"):
        shop.paid().issue_cash_receipt(identifier=PHONE)
    started = shop.click(shop.order(), pay_method="vbank")
    shop.sandbox.issue_vbank(shop.window(started), bank_code="088")
    with pytest.raises(ReceiptNotPossible, match="awaiting_deposit"):
        shop.payment(started).issue_cash_receipt(identifier=PHONE)
    refunded = shop.deposited()
    refunded.refund(reason="x", account=ACCOUNT)
    with pytest.raises(ReceiptNotPossible, match="the payment is refunded"):
        refunded.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_what_the_pg_issued_already_is_not_issued_again(shop: Shop, sent: list[Any]) -> None:
    started = shop.click(shop.order(), pay_method="trans")
    shop.sandbox.approve(shop.window(started), pay_method="trans", bank_code="004")
    payment = shop.payment(started).sync()
    assert payment.cash_receipt_issued is True
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert sent == []
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = False
    shop.sandbox.payments.save(held, shop.sandbox.now())
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)  # what was said when it was settled still counts
    Payment.objects.update(cash_receipt_issued=False)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued", "an account transfer may have one"


def test_what_the_pg_issued_after_the_payment_was_settled_is_seen_too(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = True
    shop.sandbox.payments.save(held, shop.sandbox.now())
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_a_flag_that_our_own_receipt_may_have_set_does_not_stop_the_next(shop: Shop) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    payment.cancel_cash_receipt()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = True
    shop.sandbox.payments.save(held, shop.sandbox.now())
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued"


def test_while_nobody_knows_how_much_remains_none_is_issued(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    payment.refund(amount=900, reason="x", account=ACCOUNT)
    with pytest.raises(ReceiptNotPossible, match="refund is not decided"):
        payment.issue_cash_receipt(identifier=PHONE)


def test_money_that_went_back_elsewhere_would_be_on_portones_receipt(shop: Shop) -> None:
    payment = shop.deposited()
    payment.record_refund(amount=900, refunded_on=dt.date(2026, 8, 6), reference="transfer-1", reason="x")
    with pytest.raises(ReceiptNotPossible, match="outside PortOne"):
        payment.issue_cash_receipt(identifier=PHONE)


def test_nothing_is_sent_while_portone_does_not_show_the_payment(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("http_503", path="/payments/*", times=20)
    with pytest.raises(ReceiptNotPossible, match="Try again later"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_inside_a_transaction_nothing_is_issued_or_cancelled(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    for verb in (lambda: payment.issue_cash_receipt(identifier=PHONE), payment.cancel_cash_receipt):
        with pytest.raises(InsideTransaction), transaction.atomic():
            verb()
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_what_was_never_issued_is_not_cancelled(shop: Shop, sent: list[Any]) -> None:
    with pytest.raises(ReceiptNotPossible, match="none that was issued here"):
        shop.deposited().cancel_cash_receipt()
    assert sent == []


def test_a_kind_that_there_is_not_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match='kind must be "person"'):
        shop.deposited().issue_cash_receipt(identifier=PHONE, kind="business")


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
    assert kinds(payment) == ["receipt.requested", "receipt.issued", "receipt.cancelled"]


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
    assert kinds(payment)[-1] == "receipt.cancelled"


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


# The number ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["01012345678", "0111234567", "123-45-67890", "1" * 14, "1" * 18, "9" * 19])
def test_telephones_businesses_and_cards_are_numbers(number: str) -> None:
    assert ReceiptNumber(number).as_field() == number.replace("-", "")


@pytest.mark.parametrize(
    "number", ["", "0101234567x", "123456789", "1" * 12, "1" * 20, "\u0661" * 10, "٠١٠١٢٣٤٥٦٧٨", "010+1234+5678"]
)
def test_anything_else_is_refused_without_being_repeated(shop: Shop, sent: list[Any], number: str) -> None:
    payment = shop.deposited()
    with pytest.raises(ValueError, match="identifier must be") as caught:
        payment.issue_cash_receipt(identifier=number)
    assert number == "" or number not in str(caught.value)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


@pytest.mark.parametrize("number", ["8202131234567", "820213-1234567", "820213 1234567"])
def test_a_resident_registration_number_is_never_taken(shop: Shop, sent: list[Any], number: str) -> None:
    with pytest.raises(ValueError, match="never taken") as caught:
        shop.deposited().issue_cash_receipt(identifier=number)
    assert "1234567" not in f"{caught.value} {caught.value!r}"
    assert sent == []


@pytest.mark.parametrize("fault", [None, "http_400", "http_500", "timeout_after", "refuse"])
def test_the_number_is_in_no_row_and_no_log(shop: Shop, caplog: pytest.LogCaptureFixture, fault: str | None) -> None:
    payment = shop.deposited()
    caplog.set_level("DEBUG")
    if fault:
        lose(shop, fault, method="POST", message="01097531086 (010-9753-1086) 오류")
    payment.issue_cash_receipt(identifier=PHONE)
    shop.quiet()
    reconcile()
    assert CashReceipt.objects.get().state in ("issued", "failed", "unknown")
    texts = [caplog.text, repr(ReceiptNumber(PHONE)), str(ReceiptNumber(PHONE))]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            texts.append(repr(cursor.fetchall()))
    for text in texts:
        assert "97531086" not in text.replace("-", "")
